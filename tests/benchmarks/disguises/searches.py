"""The searches that are compared: the program's witnesses as it composes them, and variants of its own search."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from medsynth_desktop.similarity.base import Witness
from medsynth_desktop.similarity.disguised.search import DisguisedSearch
from tests.benchmarks.disguises.patients import Patients
from tests.benchmarks.disguises.planting import Query

VARIANTS: dict[str, dict[str, Any]] = {
    "frame only (no image compared unmoved)": {"poses": ("frame",)},
    "unmoved only (no frame)": {"poses": ("unmoved",)},
    "blocks only (nothing laid over)": {"candidates": 0},
}
"""Arguments of the search for disguises that leave a part of it out."""
THINNED = 3
"""Every such query is asked of a variant."""


def all_witnesses(patients: Patients) -> list[Witness]:
    """The witnesses of the program over the training images, and beside them the dictionary."""
    return [disguised(patients)]


def disguised(patients: Patients, **options: Any) -> DisguisedSearch:
    """The search for copies in disguise."""
    return DisguisedSearch(patients.train.images, patients.train.records, shelf=patients.shelf, **options)


def variants(patients: Patients) -> dict[str, DisguisedSearch]:
    """The variants that this version of the search can be."""
    made = {}
    for name, options in VARIANTS.items():
        try:
            made[name] = disguised(patients, **options)
        except TypeError:
            sys.stderr.write(f"Left out of the ablation, for the search has no such argument: {name}.\n")
    return made


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
