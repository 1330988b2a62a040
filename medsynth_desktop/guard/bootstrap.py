"""How far a quantile might lie elsewhere, had other patients been drawn."""

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
    tail = (1 - CONFIDENCE) / 2
    ends = np.quantile(np.concatenate(drawn), [tail, 1 - tail])
    return float(ends[0]), float(ends[1])
