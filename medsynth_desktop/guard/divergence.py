"""How far the distribution of a batch lies from that of unseen patients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.wilson import CONFIDENCE

FEWEST_BINS, MOST_BINS = 5, 64
FEW_VALUES = 20
"""With fewer values on a side a histogram says little."""
FEW_PATIENTS = 10
"""With fewer unseen patients an interval says little about the next ones."""
PERMUTATIONS = 200
RESAMPLES = 1000


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
    interval
        95% bootstrap interval of ``value``: whole patients drawn again on the unseen side, single images of the batch.
    patients
        Unseen patients behind the numbers.
    """

    value: float
    edges: tuple[float, ...]
    batch: tuple[float, ...]
    unseen: tuple[float, ...]
    counts: tuple[int, int]
    expected: float
    interval: tuple[float, float] = (math.nan, math.nan)
    patients: int = 0

    @property
    def trusted(self) -> bool:
        """Whether both sides hold enough values for a histogram, and the unseen side enough patients."""
        return not self.distrust

    @property
    def distrust(self) -> str:
        """Why the number cannot be trusted, as a sentence; empty where nothing speaks against it."""
        batch, unseen = self.counts
        if min(self.counts) < FEW_VALUES:
            return (
                f"With {batch} images against {unseen} unseen ones this number cannot be trusted: it rests on very "
                "few values."
            )
        if self.patients < FEW_PATIENTS:
            return f"With {self.patients} unseen patients this number cannot be trusted: others might move it far."
        return ""


def js_divergence(batch: np.ndarray, unseen: np.ndarray, bins: int | None = None) -> float:
    """Return the Jensen-Shannon divergence, base 2, of two sets of numbers; see `measure_divergence`."""
    return _between(_finite(batch), _finite(unseen), bins)[0]


def measure_divergence(
    batch: np.ndarray,
    unseen: np.ndarray,
    generator: np.random.Generator,
    bins: int | None = None,
    patients: Sequence[str] | None = None,
) -> Divergence:
    """Measure how far ``batch`` lies from ``unseen``.

    Parameters
    ----------
    batch, unseen
        Numbers of any count; those not finite are left out.
    generator
        Draws the permutations behind ``expected`` and the resamples behind ``interval``.
    bins
        Of the common histogram, equal in width from the smallest to the largest number of both; default: the
        root of the smaller count, 5 to 64.
    patients
        Whose each of ``unseen`` is; by default each is a patient's own.

    Notes
    -----
    JS(P, Q) = (KL(P, M) + KL(Q, M)) / 2 with M = (P + Q) / 2 (Lin 1991); base 2, so within [0, 1]. Used on HCC
    and Lowe's ratio by Melacini, memorization in 3D LDMs of head CT.

    Histograms of a bootstrap resample lie further apart than those of the sample, by about as much as the sample's
    lie further apart than the distributions (``expected`` says how much that is). The interval is therefore the
    spread of the resamples around their own mean (2.5% to 97.5%), laid around ``value``: where another batch and
    other patients of these numbers would put it.
    """
    a, b = _finite(batch), _finite(unseen)
    owners = np.asarray(patients if patients is not None else np.arange(np.size(unseen)))
    owners = owners[np.isfinite(np.asarray(unseen, np.float64).ravel())]
    value, edges, p, q = _between(a, b, bins)
    expected, interval = math.nan, (math.nan, math.nan)
    if a.size and b.size:
        pool = np.concatenate([a, b])
        drawn = [generator.permutation(pool) for _ in range(PERMUTATIONS)]
        expected = float(np.mean([_between(d[: a.size], d[a.size :], bins)[0] for d in drawn]))
        interval = _interval(value, a, b, owners, np.array(edges), generator)
    size, known = (a.size, b.size), len(np.unique(owners))
    return Divergence(value, tuple(edges), tuple(p), tuple(q), size, expected, interval, known)


def _interval(
    value: float,
    a: np.ndarray,
    b: np.ndarray,
    owners: np.ndarray,
    edges: np.ndarray,
    generator: np.random.Generator,
) -> tuple[float, float]:
    """Bootstrap on the bins of the whole: a resample of the batch is a draw of its bins, one of patients of theirs."""
    images = np.histogram(a, edges)[0]
    names, row = np.unique(owners, return_inverse=True)
    held = np.zeros((len(names), len(edges) - 1))
    np.add.at(held, (row, np.clip(np.searchsorted(edges, b, "right") - 1, 0, len(edges) - 2)), 1)
    drawn = generator.multinomial(a.size, images / a.size, RESAMPLES)
    others = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES) @ held
    p, q = (side / side.sum(axis=1, keepdims=True) for side in (drawn, others))
    middle = (p + q) / 2
    found = (_kl(p, middle) + _kl(q, middle)) / 2
    tail = (1 - CONFIDENCE) / 2
    low, high = value + np.quantile(found, [tail, 1 - tail]) - found.mean()
    return float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))


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
    value = float(_kl(p, middle) + _kl(q, middle)) / 2
    return min(1.0, max(0.0, value)), edges.tolist(), p.tolist(), q.tolist()


def _kl(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence in bits along the last axis; 0 log 0 is 0."""
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    return np.asarray((p * np.log2(ratio)).sum(axis=-1))
