"""How far a share of few may lie from the share of all."""

from __future__ import annotations

import math
from statistics import NormalDist

CONFIDENCE = 0.95
"""Of every interval that is told."""


def wilson_interval(hits: float, total: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson 1927), (0, 1) where there is nothing to count.

    With p = hits / total and z the normal quantile:
    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).
    Unlike the plain interval it is honest at 0 of n: its upper end is then z^2 / (n + z^2).

    Neither need be whole: a share may be the mean of patients' shares, and answers in clusters count as fewer.

    Raises
    ------
    ValueError
        When ``hits`` is no count out of ``total``.
    """
    if not 0 <= hits <= total:
        raise ValueError(f"hits must lie from 0 to total; got {hits} of {total}")
    if not total:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = hits / total, z * z / total
    middle = share + weight / 2
    reach = z * math.sqrt(share * (1 - share) / total + weight / (4 * total))
    low, high = ((middle + sign * reach) / (1 + weight) for sign in (-1, 1))
    return (0.0 if hits == 0 else low), (1.0 if hits == total else high)
