"""Freezing a design: one sealed file for the investigator, one for each reader, and no way back."""

from __future__ import annotations

import dataclasses
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import canonical_json
from medsynth_desktop.studies.answers import AnswerLog, merge_answers
from medsynth_desktop.studies.design import Case, Design, check_design
from medsynth_desktop.studies.order import reading_order
from medsynth_desktop.studies.questions import Question
from medsynth_desktop.studies.sealed import seal, unseal

LEVELS = 4095
"""Grey levels less one: 12 bits, so that fine steps of intensity tell no origin."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen study as the investigator holds it; ``keys`` open the readers' answers."""

    id: str
    design: Design
    keys: dict[str, bytes]


def prepare(images: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Bring conformed images, floats in [-1, 1] on one grid, to int16 levels 0 to 4095.

    Raises
    ------
    InputRefused
        When grids differ or a value is not finite or outside [-1, 1].
    """
    grids = {image.shape for image in images.values()}
    if len(grids) != 1:
        raise InputRefused(f"All cases of a study share one grid; got {sorted(grids)}. Conform them to one.")
    for image in images.values():
        if not np.isfinite(image).all() or np.abs(image).max(initial=0) > 1:
            raise InputRefused("A case holds values that are not in -1 to 1. Conform it as its cohort was.")
    return {
        name: np.ascontiguousarray(np.rint((np.asarray(image, np.float64) + 1) / 2 * LEVELS).astype("<i2"))
        for name, image in images.items()
    }


def freeze(
    folder: Path, design: Design, images: Mapping[str, np.ndarray], password: str, readers: Mapping[str, str]
) -> Frozen:
    """Write ``study.sealed`` and ``reader-N.sealed`` into ``folder``; ``readers`` holds each reader's password.

    Raises
    ------
    InputRefused
        When the folder holds a frozen study, the design is faulty or a case or password is missing.
    """
    if (folder / "study.sealed").exists():
        raise InputRefused(
            "The study here is frozen and its design no longer changes. Begin a new one elsewhere."
        )
    check_design(design)
    if lacking := [c.id for c in design.cases if c.id not in images]:
        raise InputRefused(
            f"Every case needs an image; {len(lacking)} have none. Give them or drop the cases."
        )
    if set(readers) != set(design.readers) or len({password, *readers.values()}) <= len(readers):
        raise InputRefused(
            "Every reader, and the investigator, needs a password of their own. Give one to each."
        )
    prepared = prepare({c.id: images[c.id] for c in design.cases})
    keys = {reader: os.urandom(32) for reader in design.readers}
    frozen = Frozen(os.urandom(16).hex(), design, keys)
    folder.mkdir(parents=True, exist_ok=True)
    for number, reader in enumerate(design.readers, 1):
        target = folder / f"reader-{number}.sealed"
        target.unlink(missing_ok=True)  # of a freeze that did not come to its end
        seal(target, readers[reader], _for_reader(frozen, reader, prepared))
    facts = {"id": frozen.id, "design": dataclasses.asdict(design), "hash": design.hash}
    facts["keys"] = {reader: key.hex() for reader, key in keys.items()}
    seal(folder / "study.sealed", password, [canonical_json(facts).encode()])
    return frozen


def _for_reader(frozen: Frozen, reader: str, prepared: Mapping[str, np.ndarray]) -> list[bytes]:
    """All that a reader gets: no truth, no names of cases, no seed, no mark at repeats."""
    design, order = frozen.design, reading_order(frozen.design, reader)
    facts = {
        "study": frozen.id,
        "reader": reader,
        "key": frozen.keys[reader].hex(),
        "questions": [dataclasses.asdict(q) for q in design.questions],
        "training": sum(s.training for s in order),
        "may_go_back": design.may_go_back,
        "may_change": design.may_change,
        "may_window": design.may_window,
    }
    return [canonical_json(facts).encode(), *(_npy(prepared[s.case]) for s in order)]


def _npy(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, image, allow_pickle=False)
    return stream.getvalue()


def open_study(folder: Path, password: str) -> Frozen:
    """Open a frozen study with the investigator's password.

    Raises
    ------
    InputRefused
        When there is none, the password is wrong or the file was changed.
    """
    path = folder / "study.sealed"
    if not path.is_file():
        raise InputRefused("There is no frozen study here. Freeze a design first, or give another folder.")
    facts = json.loads(unseal(path, password)[0])
    held = facts["design"]
    held["cases"] = tuple(Case(**c) for c in held["cases"])
    held["readers"] = tuple(held["readers"])
    held["questions"] = tuple(Question(**{**q, "options": tuple(q["options"])}) for q in held["questions"])
    design = Design(**held)
    if design.hash != facts["hash"]:
        raise InputRefused("The design is not the one that was frozen. Restore the study from a copy.")
    return Frozen(facts["id"], design, {r: bytes.fromhex(k) for r, k in facts["keys"].items()})


def merge(folder: Path, frozen: Frozen, reader: str, came: Path) -> AnswerLog:
    """Take a reader's answer file into the study; the same file twice changes nothing.

    Raises
    ------
    InputRefused
        When it is another reader's, was changed, or contradicts what is held. Nothing is taken then.
    """
    if reader not in frozen.keys or not came.is_file():
        raise InputRefused("Expected a reader of this study and a file of their answers. Check both names.")
    arrived = came.read_bytes()
    arrived = arrived[: arrived.rfind(b"\n") + 1]
    number = frozen.design.readers.index(reader) + 1
    target, unfinished = folder / f"reader-{number}.answers", folder / f"reader-{number}.arriving"
    unfinished.write_bytes(arrived)
    try:
        new = AnswerLog(unfinished, frozen.keys[reader], frozen.id, reader)
        held = AnswerLog(target, frozen.keys[reader], frozen.id, reader)
        if merge_answers(held.answers, new.answers) is not held.answers:
            os.replace(unfinished, target)
            held = AnswerLog(target, frozen.keys[reader], frozen.id, reader)
        return held
    finally:
        unfinished.unlink(missing_ok=True)
