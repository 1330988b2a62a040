"""How far a number might lie elsewhere, had other patients been drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medsynth_desktop.core.wilson import CONFIDENCE

BLOCK = 1 << 22
"""Weights (resamples x images) held at once."""


def bootstrap_interval(
    values: np.ndarray,
    patients: Sequence[str],
    quantile: float,
    resamples: int,
    generator: np.random.Generator,
) -> tuple[float, float]:
    """Return the 95% percentile interval of a quantile when whole patients are drawn again with replacement.

    ``values`` and ``patients`` have one entry for each image. A draw is a count for each patient, so the
    quantile of the drawn images is read from the cumulated counts of the sorted values; nothing is copied.
    """
    order = np.argsort(values, kind="stable")
    ranked = np.asarray(values, float)[order]
    names, owner = np.unique(np.asarray(patients)[order], return_inverse=True)
    rows = max(1, BLOCK // ranked.size)
    drawn = []
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        counts = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size)
        reached = counts[:, owner].cumsum(axis=1)
        place = (reached[:, -1] - 1) * quantile
        below = np.floor(place)
        above = np.minimum(below + 1, reached[:, -1] - 1)
        low, high = (ranked[(reached <= rank[:, None]).sum(axis=1)] for rank in (below, above))
        drawn.append(low + (place - below) * (high - low))
    return percentile_ends(np.concatenate(drawn))


def patient_draws(patients: Sequence[str], resamples: int, generator: np.random.Generator) -> np.ndarray:
    """(resamples, n) float64: how often each of n images is drawn when whole patients are drawn with replacement."""
    names, row = np.unique(np.asarray(patients), return_inverse=True)
    counts = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    return np.asarray(counts[:, row], float)


def percentile_ends(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the middle 95% of resampled ``values``."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
