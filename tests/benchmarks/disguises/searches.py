"""The searches that are compared: the program's witnesses as it composes them, and variants of its own search."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_file, hash_json
from medsynth_desktop.core.progress import Steps, drain
from medsynth_desktop.core.records import CohortRecord, Nearest
from medsynth_desktop.similarity.base import Witness
from medsynth_desktop.similarity.disguised.blocks import Blocks
from medsynth_desktop.similarity.disguised.placed import strong
from medsynth_desktop.similarity.disguised.search import DisguisedSearch
from medsynth_desktop.similarity.disguised.sides import TURNED, Side
from medsynth_desktop.similarity.search import Query as Asked
from medsynth_desktop.store.workspace import Workspace
from tests.benchmarks.disguises.patients import Patients
from tests.benchmarks.disguises.planting import Query

Home = tuple[Workspace, CohortRecord]
"""Where the data set was imported."""
VARIANTS: dict[str, dict[str, Any]] = {
    "frame only": {"poses": ("frame",)},
    "no frame (unmoved, turned, shrunken)": {"poses": ("unmoved", "turned", "shrunken")},
    "not turned": {"poses": ("frame", "unmoved")},
    "two candidates": {"candidates": 2},
}
"""Arguments of the search for disguises that leave a part of it out."""
THINNED = 3
"""Every such query is asked of a variant."""


def all_witnesses(home: Home, patients: Patients, weights: Path | None, steps: int) -> list[Witness]:
    """The searches that are asked: for disguises; a VGG16 dictionary; recognition, trained here for ``steps``."""
    found: list[Witness | None] = [disguised(patients), dictionary(home, patients, weights)]
    found.append(recognition(home, patients, steps) if steps else None)
    return [witness for witness in found if witness is not None]


def dictionary(home: Home, patients: Patients, weights: Path | None) -> Witness | None:
    """The published feature dictionary, by VGG16; None, and a line that says why, where it cannot be had."""
    try:
        from medsynth_desktop.similarity.features import SOURCES
        from medsynth_desktop.similarity.features.base import Choice
        from medsynth_desktop.similarity.features.dictionary import FeatureDictionary

        extractor = SOURCES["vgg16"].open(*home, Choice("vgg16", str(weights or "")))
    except (ImportError, InputRefused) as missing:
        sys.stderr.write(f"The VGG16 dictionary is left out: {missing}\n")
        return None
    return FeatureDictionary(extractor, patients.train.images, patients.train.records, shelf=patients.shelf)


def recognition(home: Home, patients: Patients, steps: int) -> Witness | None:
    """Retrieval and verification networks, trained on the training images alone; None, and why, without them."""
    try:
        from medsynth_desktop.networks.recogniser import Recogniser
        from medsynth_desktop.similarity.identity import IdentitySearch
        from medsynth_desktop.training.identity import settings_for, train_identity
    except ImportError as missing:
        sys.stderr.write(f"Recognition is left out: {missing}\n")
        return None
    images, records = patients.train.images, patients.train.records
    settings = settings_for(len(patients.grid), steps=steps)
    name = hash_json([[r.array_hash for r in records], steps])
    folder = home[0].path / "recognition" / name[:16]
    folder.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"Training the recognition networks for {steps} steps.\n")
    trained = drain(train_identity(images, records, settings, folder, name))
    known = hash_file(next(folder.glob("*.ckpt")))
    recogniser = Recogniser(trained.network, patients.grid, settings.side, known)
    return IdentitySearch(recogniser, images, records, shelf=patients.shelf)


def disguised(patients: Patients, **options: Any) -> DisguisedSearch:
    """The search for copies in disguise."""
    return DisguisedSearch(patients.train.images, patients.train.records, shelf=patients.shelf, **options)


def variants(patients: Patients) -> dict[str, Witness]:
    """The variants that this version of the search can be."""
    made: dict[str, Witness] = {}
    for name, options in VARIANTS.items():
        if name == "not turned" and not TURNED[len(patients.grid)]:
            continue
        try:
            made[name] = disguised(patients, **options)
        except TypeError:
            sys.stderr.write(f"Left out of the ablation, for the search has no such argument: {name}.\n")
    made["blocks only (nothing laid over)"] = BlocksAlone(disguised(patients))
    return made


def block_scores(search: DisguisedSearch, image: np.ndarray) -> np.ndarray:
    """(N,) the highest score of each real image's blocks above the usual one, in any pose and from either side.

    The search is open.
    """
    opened, scores = search._real, []
    assert opened is not None
    for number in (1, -1):
        side = Side(opened, number)
        side.see(np.asarray(image, np.float32))
        for pose in side.poses():
            found = Blocks.of(strong(pose.band)).scores(pose.known)[0]
            scores.append(found - np.median(found))
    return np.asarray(np.max(scores, axis=0))


class BlocksAlone:
    """The search for disguises with nothing laid over: ``aligned`` is the highest score of a real image's blocks."""

    keys = ("aligned",)

    def __init__(self, search: DisguisedSearch) -> None:
        self._search = search

    @property
    def fingerprint(self) -> str:
        """That of the search, marked."""
        return f"blocks-{self._search.fingerprint}"

    def testify(self, queries: Sequence[Asked], found: Sequence[Nearest]) -> Steps[list[Nearest]]:
        """Add the scores."""
        if self._search._real is None:
            yield from self._search.query(queries[:1])
        scores = [float(block_scores(self._search, image).max()) for _, image in queries]
        return [
            replace(nearest, metrics={**nearest.metrics, "aligned": score})
            for nearest, score in zip(found, scores, strict=True)
        ]


def thinned(queries: Sequence[Query]) -> list[Query]:
    """Every third innocent patient, every third copy in each disguise."""
    kept, count = [], dict[tuple[str, str, str], int]()
    for query in queries:
        if query.role in ("calibration", "evaluation"):
            number = query.source
        else:
            group = query.role, query.kind, query.strength
            number = count[group] = count.get(group, -1) + 1
        if number % THINNED == 0:
            kept.append(query)
    return kept
