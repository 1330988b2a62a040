"""Privacy distillation: which of a teacher's samples a student may learn from, and what it changed.

Source: Melacini, memorization in 3D LDMs of head CT. A model that was trained on patients draws samples; a filter keeps
those that resemble no training image more than an unseen patient does; a second model is trained on these alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.guard.divergence import measure_divergence
from medsynth_desktop.similarity.search import NearestSearch, Query

Filter = Literal["top-k", "hcc", "ratio"]
FILTERS: tuple[Filter, ...] = get_args(Filter)
HCC_QUANTILE, RATIO_QUANTILE = 0.983, 0.005
"""The published quantiles of unseen patients: below the one, above the other."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """(n,) highest correlation with any training image, and (n,) patient-aware Lowe's ratio, of n images."""

    hcc: np.ndarray
    ratio: np.ndarray

    @classmethod
    def none(cls) -> Likeness:
        """Return that of no image."""
        return cls(np.zeros(0), np.zeros(0))

    def take(self, rows: Sequence[int]) -> Likeness:
        """Return that of some of the images."""
        return Likeness(self.hcc[list(rows)], self.ratio[list(rows)])


def joined(parts: Sequence[Likeness]) -> Likeness:
    """Return all values in one, in order."""
    return Likeness(np.concatenate([p.hcc for p in parts]), np.concatenate([p.ratio for p in parts]))


@dataclass(frozen=True, slots=True)
class FilterLimits:
    """``hcc``: highest correlation that a sample must stay below; ``ratio``: Lowe's ratio that it must stay above."""

    hcc: float
    ratio: float


def measure_likeness(search: NearestSearch, queries: Sequence[Query]) -> Steps[Likeness]:
    """Compare images with the training split."""
    if not queries:
        return Likeness.none()
    found = yield from search.query(queries, k=1)
    hcc = np.array([nearest.metrics["correlation"] for nearest in found], float)
    return Likeness(hcc, np.array([nearest.lowe_ratio for nearest in found], float))


def limits_from(unseen: Likeness) -> FilterLimits:
    """Limits from unseen patients: quantiles by linear interpolation, values that are not defined left out.

    Raises
    ------
    InputRefused
        When neither measure is defined for any of them.
    """
    hcc, ratio = (side[np.isfinite(side)] for side in (unseen.hcc, unseen.ratio))
    if not (hcc.size and ratio.size):
        raise InputRefused(
            "The filter needs unseen patients and at least two training patients; import the cohort with more."
        )
    return FilterLimits(float(np.quantile(hcc, HCC_QUANTILE)), float(np.quantile(ratio, RATIO_QUANTILE)))


def choose(key: Filter, drawn: Likeness, limits: FilterLimits, count: int) -> list[int]:
    """Indices, in order, of up to ``count`` samples that the filter keeps.

    ``top-k``: those with the highest Lowe's ratio. ``hcc``: the first ones below the limit. ``ratio``: the first ones
    above it. A value that is not defined keeps no sample.
    """
    if key == "top-k":
        ratio = np.where(np.isfinite(drawn.ratio), drawn.ratio, -np.inf)
        best = np.argsort(-ratio, kind="stable")[:count]
        return sorted(int(i) for i in best if math.isfinite(ratio[i]))
    kept = drawn.hcc < limits.hcc if key == "hcc" else drawn.ratio > limits.ratio
    return [int(i) for i in np.flatnonzero(kept)[:count]]


def divergences(images: Likeness, unseen: Likeness, seed: int = 0) -> dict[str, Any]:
    """Jensen-Shannon divergence (base 2) of both measures from the unseen patients, and what chance alone gives."""
    generator = np.random.default_rng(seed)
    found: dict[str, Any] = {"images": len(images.hcc)}
    for key, side, other in (("hcc", images.hcc, unseen.hcc), ("lowe", images.ratio, unseen.ratio)):
        made = measure_divergence(side, other, generator)
        found |= {f"js_{key}": _number(made.value), f"js_{key}_expected": _number(made.expected)}
        found[f"median_{key}"] = _number(float(np.median(side))) if len(side) else None
        found[f"trusted_{key}"] = made.trusted
    return found


def facts_of(limits: FilterLimits) -> dict[str, float]:
    """The limits for a program, with the quantiles that they are."""
    return {**asdict(limits), "hcc_quantile": HCC_QUANTILE, "ratio_quantile": RATIO_QUANTILE}


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
