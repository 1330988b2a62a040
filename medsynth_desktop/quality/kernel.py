"""KID: the squared maximum mean discrepancy of two sets of features, which no number of images biases.

Source: Binkowski et al. 2018 (arXiv:1801.01401): the kernel (x.y / L + 1)^3 and the estimate that leaves out an image
compared with itself; that estimate is unbiased at any count, where FID's is not, and may be negative.

Rows have length 1 here, whatever the network. Brought to length sqrt(L), so that their numbers are about 1 as those of
a pooling layer are, the kernel is (x.y + 1)^3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medsynth_desktop.guard.bootstrap import patient_draws, percentile_ends

RESAMPLES = 1000
DEGREE = 3

Owners = tuple[Sequence[str], Sequence[str]]


def kernel_distance(
    a: np.ndarray,
    b: np.ndarray,
    owners: Owners,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> tuple[float, tuple[float, float]]:
    """Return KID and its 95% bootstrap interval, whole patients drawn again on either side.

    Parameters
    ----------
    a, b
        (n, L) and (m, L) rows of length 1.
    owners
        Whose each row is. Two images of one patient are alike as an image is to itself, so such pairs are left out too,
        in the resamples as well: repeats of a patient add no bias.

    Returns
    -------
    tuple
        NaN where a side holds one patient only.
    """
    within = _Inside(a, owners[0]), _Inside(b, owners[1])
    across = _kernel(a, b)
    once = np.ones((1, len(a))), np.ones((1, len(b)))
    value = _discrepancy(within, across, once)[0]
    draws = patient_draws(owners[0], resamples, generator), patient_draws(owners[1], resamples, generator)
    found = _discrepancy(within, across, draws)
    found = found[np.isfinite(found)]
    nothing = float("nan"), float("nan")
    return float(value), percentile_ends(found) if found.size and np.isfinite(value) else nothing


class _Inside:
    """Kernel values within one set, those between images of one patient left out."""

    def __init__(self, rows: np.ndarray, owners: Sequence[str]) -> None:
        names = np.unique(np.asarray(owners), return_inverse=True)[1]
        self._apart = (names[:, None] != names).astype(np.float64)
        self._values = _kernel(rows, rows) * self._apart

    def mean(self, weights: np.ndarray) -> np.ndarray:
        """(r,) weighted means over pairs of different patients, for (r, n) ``weights``; NaN where there is none."""
        count = ((weights @ self._apart) * weights).sum(axis=1)
        total = ((weights @ self._values) * weights).sum(axis=1)
        return np.asarray(np.divide(total, count, out=np.full(len(weights), np.nan), where=count > 0))


def _discrepancy(
    within: tuple[_Inside, _Inside], across: np.ndarray, weights: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(r,) squared discrepancies, for (r, n) and (r, m) ``weights``."""
    some, others = weights
    between = ((some @ across) * others).sum(axis=1) / (some.sum(axis=1) * others.sum(axis=1))
    return np.asarray(within[0].mean(some) + within[1].mean(others) - 2 * between)


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    products = np.asarray(a, np.float64) @ np.asarray(b, np.float64).T
    return np.asarray((products + 1) ** DEGREE)
