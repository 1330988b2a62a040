"""Truth tables: one file for each metric, named by its key, whose `TRUTHS` can be checked by hand.

A new metric brings its own file; `tests/similarity/test_truth_tables.py` fails without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Nearest
from medsynth_desktop.similarity.search import NearestSearch

ROUNDING = 1e-12


@dataclass(frozen=True)
class Truth:
    """One row: what is measured in words, how, and between which values it lies."""

    words: str
    measure: Callable[[], Nearest]
    low: float
    high: float


def exactly(words: str, measure: Callable[[], Nearest], value: float) -> Truth:
    """A row whose value is known by hand."""
    return Truth(words, measure, value - ROUNDING, value + ROUNDING)


def records(owners: str) -> list[ImageRecord]:
    """One record for each letter, the name of its patient."""
    return [ImageRecord(f"{owner}-{i}", owner, "train", "") for i, owner in enumerate(owners)]


def four(query: Sequence[float], *real: Sequence[float], owners: str = "ABCDEF") -> Callable[[], Nearest]:
    """Search for a query of 2x2 pixels among ``real`` ones, whose patients are ``owners``."""

    def measure() -> Nearest:
        images = [np.array(values, np.float32).reshape(2, 2) for values in real]
        search = NearestSearch(images, records(owners[: len(images)]))
        return drain(search.query([("q", np.array(query, np.float32).reshape(2, 2))]))[0]

    return measure
