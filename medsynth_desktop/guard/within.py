"""How alike the images of a batch are among themselves: copies of each other, near-copies, and how varied it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.guard.verdicts import is_copy
from medsynth_desktop.similarity.search import NearestSearch, Query

NEARLY = 0.99
"""Correlation from where on two images are nearly the same picture."""


@dataclass(frozen=True, slots=True)
class WithinBatch:
    """What each image's nearest other image of the same batch says.

    Attributes
    ----------
    duplicates
        Pairs of ids that are copies of each other (`medsynth_desktop.guard.verdicts.is_copy`), sorted.
    highest
        For each image, in the batch's order, its highest correlation with any other image of it.
    near
        How many images are more alike to another than ``limit``, copies included.
    limit
        The block limit on correlation with real images: unseen patients hardly ever come so near to a training image.
        NaN where there is none.
    """

    duplicates: tuple[tuple[str, str], ...] = ()
    highest: tuple[float, ...] = ()
    near: int = 0
    limit: float = math.nan

    @property
    def median(self) -> float:
        """Median of ``highest``; NaN without any."""
        known = np.array(self.highest)[np.isfinite(self.highest)] if self.highest else np.zeros(0)
        return float(np.median(known)) if known.size else math.nan

    def sentence(self) -> str:
        """How varied the batch is, in words; empty for fewer than two images."""
        total = len(self.highest)
        if total < 2:
            return ""
        pairs = len(self.duplicates)
        copies = "No two images are the same voxel by voxel (mirrored or moved ones are not looked for here)"
        alike = sum(value >= NEARLY for value in self.highest)
        if alike:
            copies += f", but {alike} of them have a nearly equal one (correlation {NEARLY:g} or more)"
        if pairs:
            copies = "1 pair of images is a copy" if pairs == 1 else f"{pairs} pairs of images are copies"
            copies += " of each other"
        words = (
            f"{copies}; half of the {total} have a correlation of {self.median:.3f} or more with another one"
        )
        if not math.isfinite(self.limit):
            return words + "."
        return f"{words}, {self.near} of more than {self.limit:.3f}, from where on likeness to a patient is blocked."

    def to_json(self) -> dict[str, Any]:
        """The numbers for a program to read."""
        known = [value for value in self.highest if math.isfinite(value)]
        return {
            "median_correlation": self.median if known else None,
            "highest_correlation": max(known, default=None),
            "near_duplicates": self.near if math.isfinite(self.limit) else None,
            "limit": self.limit if math.isfinite(self.limit) else None,
        }


def compare_within(queries: Sequence[Query], limit: float = math.nan) -> Steps[WithinBatch]:
    """Compare every image of a batch with every other; ``limit`` is the correlation above which two are near-copies."""
    if len(queries) < 2:
        return WithinBatch(limit=limit)
    records = [ImageRecord(id_, id_, "train", "") for id_, _ in queries]
    search = NearestSearch([array for _, array in queries], records)
    found = yield from search.query(queries, k=1, exclude={id_: id_ for id_, _ in queries})
    pairs: set[tuple[str, str]] = set()
    for nearest in found:
        other = nearest.neighbours[0].image
        if is_copy(nearest.metrics["rmse"], nearest.metrics["correlation"]):
            pairs.add((min(nearest.id, other), max(nearest.id, other)))
    highest = tuple(nearest.metrics["correlation"] for nearest in found)
    near = sum(value > limit for value in highest)
    return WithinBatch(tuple(sorted(pairs)), highest, near, limit)
