"""The verb behind `medsynth quality --batch`: how good and how varied a batch is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from medsynth_desktop import __version__
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import BatchRecord, CohortRecord
from medsynth_desktop.quality.measure import Side, measure_quality
from medsynth_desktop.quality.record import Network, Quality
from medsynth_desktop.similarity.features import SOURCES
from medsynth_desktop.similarity.features.base import Choice, Extractor
from medsynth_desktop.similarity.features.rows import kept_rows
from medsynth_desktop.similarity.table import names_of
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import featuring
from medsynth_desktop.workbench.guarding import batch_queries
from medsynth_desktop.workbench.pages import write_page
from medsynth_desktop.workbench.recognition import better_than_chance
from medsynth_desktop.workbench.reconstructing import SPLITS, split_side, stored_reconstruction
from medsynth_desktop.workbench.searching import shelf_of

PAIRS = 1000
"""Pairs of each set, as published (methods.md, Quality)."""
NONE = "none"
ORDER = ("vgg16", "own")
"""Networks that are tried where nobody chose one: first that which never saw this cohort."""


def measure_batch(
    workspace: Workspace,
    cohort: CohortRecord,
    batch_name: str,
    *,
    features: str | None = None,
    weights: Path | None = None,
    preparation: str = "",
    pairs: int = PAIRS,
    seed: int = 0,
    device: str | None = None,
) -> Steps[Quality]:
    """Measure a batch against both splits of ``cohort``, and keep what was found.

    Parameters
    ----------
    features
        Key of a feature network, ``none``; None: that of the cohort's guard, else the first at hand of `ORDER`.
    weights, preparation
        See `featuring.use_features`; only with ``features``.
    pairs, seed, device
        See `medsynth_desktop.quality.measure.measure_quality`.

    Raises
    ------
    InputRefused
        Fewer than two samples, no training image, another grid, or a network that was asked for and lacks something.
    """
    began = perf_counter()
    batch = workspace.batches.get(batch_name)
    check_measurable(workspace, cohort, batch)
    chosen, key, lacking = _network(workspace, cohort, features, weights, preparation)
    caution = " ".join([OWN, *_unable(workspace, cohort)]) if key == "own" else ""
    from medsynth_desktop.samplers.sampling import pick_device

    sides = yield from _sides(workspace, cohort, batch, chosen)
    length = sides["train"].rows.shape[1] if chosen is not None and sides["train"].rows is not None else 0
    network = (
        Network(key, chosen.name, chosen.fingerprint, length, caution) if chosen else Network(lacking=lacking)
    )
    made = yield from measure_quality(sides, network, pairs=pairs, seed=seed, device=pick_device(device)[0])
    found = replace(made, seconds=round(perf_counter() - began, 2))
    kept = {"samples": _samples_hash(batch), "quality": found.to_json()}
    workspace.settings.set(_quality_key(cohort, batch_name), kept)
    return found


def check_measurable(workspace: Workspace, cohort: CohortRecord, batch: BatchRecord) -> None:
    """Refuse what cannot be measured, before long work begins.

    Raises
    ------
    InputRefused
        Fewer than two samples, or no training image.
    """
    if len(batch.samples) < 2:
        raise InputRefused(
            f"Quality is a matter of many images, and the batch {batch.name} holds {len(batch.samples)}; draw at least "
            "two, better some hundreds, with medsynth sample."
        )
    if not cohort.split("train"):
        raise InputRefused(f"The cohort {cohort.name} has no training image to compare with; import some.")


def stored_quality(workspace: Workspace, cohort: CohortRecord, batch_name: str) -> Quality | None:
    """What was last measured of exactly these samples against exactly this cohort, or None."""
    kept = workspace.settings.get(_quality_key(cohort, batch_name))
    if not isinstance(kept, dict) or kept.get("samples") != _samples_hash(workspace.batches.get(batch_name)):
        return None
    try:
        return Quality.from_json(kept["quality"])
    except (InputRefused, KeyError):
        return None


def _network(
    workspace: Workspace, cohort: CohortRecord, key: str | None, weights: Path | None, preparation: str
) -> tuple[Extractor | None, str, str]:
    """The network, its key, and why there is none."""
    if key == NONE:
        return None, "", "they were not asked for (--features none)."
    if key is not None:
        return (
            featuring.open_choice(workspace, cohort, featuring.choice_for(key, weights, preparation)),
            key,
            "",
        )
    if weights is not None or preparation:
        raise InputRefused("Say which network --weights and --preparation belong to: --features vgg16.")
    try:
        used = featuring.features_in_use(workspace, cohort)
    except InputRefused as refusal:
        return None, "", str(refusal)
    choice = featuring.choice_of(workspace, cohort)
    if used is not None and choice is not None:
        return used, choice.source, ""
    reasons = []
    for known in ORDER:
        try:
            if known == "own" and (why := _unable(workspace, cohort)):
                raise InputRefused(why[0])
            return featuring.open_choice(workspace, cohort, Choice(known)), known, ""
        except InputRefused as refusal:
            reasons.append(f"{SOURCES[known].label}: {refusal}")
    return None, "", f"no trained feature network is at hand. {' '.join(reasons)}"


OWN = (
    "The cohort's own encoder learnt from the training images and may see them otherwise than any others: hold each "
    "number against that of the unseen patients."
)


def _unable(workspace: Workspace, cohort: CohortRecord) -> list[str]:
    """Why the cohort's own encoder is no judge: it never learnt to tell its patients apart. Nothing where it did."""
    networks = workspace.recognisers.get(cohort.hash)
    if networks is None or "retrieval" in better_than_chance(networks.facts):
        return []
    return [
        "It recognises unseen patients no better than chance, so what it sees may mean little; train it for longer or "
        "on more patients, or use --features vgg16."
    ]


def _sides(
    workspace: Workspace, cohort: CohortRecord, batch: BatchRecord, extractor: Extractor | None
) -> Steps[dict[str, Side]]:
    images = [array for _, array in batch_queries(workspace, batch, cohort)]
    names = [bytes.fromhex(sample.array_hash) for sample in batch.samples]
    owners = tuple(sample.id for sample in batch.samples)
    sides = {"synthetic": (Side(images, owners), names)}
    for split in SPLITS:
        side = split_side(workspace, cohort, split)
        sides[split] = (side, names_of(side.images, cohort.split(split)))
    if extractor is None:
        return {key: side for key, (side, _) in sides.items()}
    described = {}
    length = 0
    for key, (side, known) in sides.items():
        rows = np.zeros((0, length), np.float32)
        if known:
            rows = yield from _rows(workspace, cohort, extractor, side.images, known, length)
        length = rows.shape[1]
        described[key] = Side(side.images, side.owners, rows)
    return described


def _rows(
    workspace: Workspace,
    cohort: CohortRecord,
    extractor: Extractor,
    images: Sequence[np.ndarray],
    names: Sequence[bytes],
    length: int,
) -> Steps[np.ndarray]:
    from medsynth_desktop.similarity.features.dictionary import shelf_key

    message, shelf = "Describing images by their features, once", shelf_of(workspace, cohort)
    rows = yield from kept_rows(extractor, images, names, shelf, shelf_key(extractor), message, length)
    return rows


def _samples_hash(batch: BatchRecord) -> str:
    return hash_json([sample.array_hash for sample in batch.samples])


def _quality_key(cohort: CohortRecord, batch: str) -> str:
    return f"quality:{cohort.hash}:{batch}"


def summary(found: Quality) -> str:
    """What was found, in a sentence for each measure."""
    from medsynth_desktop.quality.words import quality_rows

    told = [
        f"{row.name}: {row.synthetic}{f' (real: {row.real})' if row.real else ''}."
        for row in quality_rows(found)
    ]
    return " ".join(told or ["Nothing could be measured: no feature network is at hand."])


def describe(found: Quality) -> dict[str, Any]:
    """The numbers for a program, with what to hold against them and how they were made in words."""
    from medsynth_desktop.quality.words import method, warnings

    return {**found.to_json(), "warnings": list(warnings(found)), "method": list(method(found))}


def write_quality(
    workspace: Workspace, cohort: CohortRecord, batch: BatchRecord, found: Quality, path: Path
) -> None:
    """Write what was measured as one self-contained page, without any picture.

    Raises
    ------
    StoreFailed
        When the file cannot be written; a former one stays whole.
    """
    from medsynth_desktop.guard.report import render_facts, render_page
    from medsynth_desktop.quality.words import quality_section

    model = workspace.bundles.get(batch.bundle_hash)
    facts = [
        ("Batch", f"{batch.name}, {len(batch.samples)} samples"),
        ("Model", f"{model.name} ({model.hash[:16]})"),
        ("Cohort", f"{cohort.name} ({cohort.hash[:16]})"),
        ("Program", f"MedSynth Desktop {__version__}"),
    ]
    title = f"Quality of {batch.name}"
    section = quality_section(found, stored_reconstruction(workspace, cohort, model.hash))
    write_page(path, render_page(title, [f"<h1>{escape(title)}</h1>", render_facts(facts), section]))
