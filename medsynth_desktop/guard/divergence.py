"""How far the distribution of a batch lies from that of unseen patients."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

FEWEST_BINS, MOST_BINS = 5, 64
FEW_VALUES = 20
"""With fewer values on a side a histogram says little."""
PERMUTATIONS = 200


@dataclass(frozen=True, slots=True)
class Divergence:
    """Jensen-Shannon divergence of two sets of numbers, with the histograms it was read from.

    Attributes
    ----------
    value
        Base 2: 0 for equal, 1 for disjoint histograms; NaN where a side is empty.
    edges
        (bins + 1,) of the common histogram.
    batch, unseen
        (bins,) shares.
    counts
        Numbers on either side.
    expected
        What two sets of these sizes from ONE distribution reach on average: a histogram of few values never
        gives 0.
    """

    value: float
    edges: tuple[float, ...]
    batch: tuple[float, ...]
    unseen: tuple[float, ...]
    counts: tuple[int, int]
    expected: float

    @property
    def trusted(self) -> bool:
        """Whether both sides hold enough values for a histogram."""
        return min(self.counts) >= FEW_VALUES


def js_divergence(batch: np.ndarray, unseen: np.ndarray, bins: int | None = None) -> float:
    """Return the Jensen-Shannon divergence, base 2, of two sets of numbers; see `measure_divergence`."""
    return _between(_finite(batch), _finite(unseen), bins)[0]


def measure_divergence(
    batch: np.ndarray, unseen: np.ndarray, generator: np.random.Generator, bins: int | None = None
) -> Divergence:
    """Measure how far ``batch`` lies from ``unseen``.

    Parameters
    ----------
    batch, unseen
        Numbers of any count; those not finite are left out.
    generator
        Draws the permutations behind ``expected``.
    bins
        Of the common histogram, equal in width from the smallest to the largest number of both; default: the
        root of the smaller count, 5 to 64.

    Notes
    -----
    JS(P, Q) = (KL(P, M) + KL(Q, M)) / 2 with M = (P + Q) / 2 (Lin 1991); base 2, so within [0, 1]. Used on HCC
    and Lowe's ratio by Melacini, memorization in 3D LDMs of head CT.
    """
    a, b = _finite(batch), _finite(unseen)
    value, edges, p, q = _between(a, b, bins)
    expected = math.nan
    if a.size and b.size:
        pool = np.concatenate([a, b])
        drawn = [generator.permutation(pool) for _ in range(PERMUTATIONS)]
        expected = float(np.mean([_between(d[: a.size], d[a.size :], bins)[0] for d in drawn]))
    return Divergence(value, tuple(edges), tuple(p), tuple(q), (a.size, b.size), expected)


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64).ravel()
    return values[np.isfinite(values)]


def _between(
    a: np.ndarray, b: np.ndarray, bins: int | None
) -> tuple[float, list[float], list[float], list[float]]:
    if not (a.size and b.size):
        return math.nan, [], [], []
    bins = bins or int(np.clip(math.ceil(math.sqrt(min(a.size, b.size))), FEWEST_BINS, MOST_BINS))
    low, high = min(a.min(), b.min()), max(a.max(), b.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    p, q = (np.histogram(side, edges)[0] / side.size for side in (a, b))
    middle = (p + q) / 2
    value = (_kl(p, middle) + _kl(q, middle)) / 2
    return min(1.0, max(0.0, value)), edges.tolist(), p.tolist(), q.tolist()


def _kl(p: np.ndarray, q: np.ndarray) -> float:
    inside = p > 0
    return float((p[inside] * np.log2(p[inside] / q[inside])).sum())
