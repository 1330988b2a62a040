"""The file that one reader gets: images in their order, questions, how to show and answer them, and nothing else."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import canonical_json
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.studies.design import Case
from medsynth_desktop.studies.preparing import prepare
from medsynth_desktop.studies.sealed import check_password, seal_steps
from medsynth_desktop.studies.study import Study

READER_KNOWS = frozenset(
    {
        "study", "design", "title", "reader", "key", "questions", "training", "may_go_back", "may_change",
        "may_window", "image",
    }
)  # fmt: skip
"""All that a reader's file may say beside the images; `blinding` holds it to this."""
IMAGE_KNOWS = frozenset({"grid", "affine", "unit", "modality", "spaced", "values", "window"})
"""What it may say of the images, of all alike: where in the cohort's range the cut lies is nobody's business."""


def reader_facts(study: Study, reader: str) -> dict[str, Any]:
    """What a reader may know: no truth, no names of cases, no seed, no mark at repeats.

    Raises
    ------
    InputRefused
        When the study has no such reader.
    """
    if reader not in study.orders:
        raise InputRefused(
            f"The study {study.design.name!r} has no reader {reader!r}. Its readers are: "
            f"{', '.join(study.design.readers)}."
        )
    design = study.design
    prepared = dataclasses.asdict(design.preparation) | {"grid": design.preparation.shown}
    return {
        "study": study.id,
        "design": study.hash,
        "title": design.name,
        "reader": reader,
        "key": study.keys[reader],
        "questions": [dataclasses.asdict(q) for q in design.questions],
        "training": sum(s.training for s in study.orders[reader]),
        "may_go_back": design.may_go_back,
        "may_change": design.may_change,
        "may_window": design.may_window,
        "image": {name: value for name, value in prepared.items() if name in IMAGE_KNOWS},
    }


def give(
    path: Path, study: Study, reader: str, password: str, image_of: Callable[[Case], np.ndarray]
) -> Steps[None]:
    """Write the reader's file to the new ``path`` under ``password``; one image is in memory at a time.

    ``image_of`` gives a case's conformed image.

    Raises
    ------
    InputRefused
        When the study has no such reader, the password is too short or the file exists.
    """
    check_password(password)
    facts = reader_facts(study, reader)
    order = study.orders[reader]
    cases = {case.id: case for case in study.design.cases}

    def members() -> Iterator[bytes]:
        yield canonical_json(facts).encode()
        for showing in order:
            yield _npy(prepare(image_of(cases[showing.case]), study.design.preparation))

    for done in seal_steps(path, password, members(), len(order) + 1):
        yield Progress(done, len(order) + 1, f"Sealing case {min(done + 1, len(order))} of {len(order)}")


def _npy(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, image, allow_pickle=False)
    return stream.getvalue()
