"""The coarse pass: all queries against all real images by float32 products, with a proven error bound.

Whatever can be among the winners by that bound goes on to `medsynth_desktop.similarity.exact`, so the result
is exact.
"""

from __future__ import annotations

import threading
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from medsynth_desktop.similarity.exact import CHUNK, Moments

PANEL = 1024
"""Voxels that one float32 product sums up; the sums of panels are added in float64. The bound shrinks with it;
from 4096 down to 512 the products took the same time."""
SUMS = 1 << 22
"""Sums of panels (float32) that one worker holds at a time."""
UNIT_ROUNDOFF = 2.0**-24
"""Of float32."""
SLACK = 1e-10
"""Generous room for the float64 rounding of means, norms, panel sums and the exact values themselves."""

_BLAS_LOCK = threading.Lock()


def error_bound(voxels: int) -> float:
    """Bound of |coarse - true correlation|, whatever the order in which the product sums.

    A float32 dot product of K terms errs by at most K u / (1 - K u) times sum |x||y| (Higham, Accuracy and
    Stability of Numerical Algorithms, 3.1), which for unit vectors is at most 1 by Cauchy-Schwarz, over all
    panels together; rounding the two unit vectors to float32 adds 2 u.
    """
    terms = (min(PANEL, voxels) + 4) * UNIT_ROUNDOFF
    return terms / (1 - terms) + SLACK


def padded(voxels: int) -> int:
    """``voxels`` rounded up to whole panels."""
    panel = min(PANEL, voxels)
    return -(-voxels // panel) * panel


def write_unit(voxels: np.ndarray, of: Moments, row: np.ndarray) -> None:
    """Write (voxels - mean) / norm as float32 into ``row``, zeros behind."""
    room = np.empty(min(CHUNK, voxels.size))
    for start in range(0, voxels.size, CHUNK):
        piece = voxels[start : start + CHUNK]
        out = room[: piece.size]
        np.subtract(piece, of.mean, out=out, dtype=np.float64)
        np.multiply(out, 1.0 / of.norm, out=row[start : start + piece.size], casting="same_kind")
    row[voxels.size :] = 0


def products(queries: np.ndarray, images: np.ndarray, voxels: int, pool: Executor) -> np.ndarray:
    """Return (Q, B) float64 coarse correlations of float32 unit rows (Q, P) and (B, P).

    ``pool`` works through the panels while BLAS is held to one thread: its own threads meet after every panel, which
    costs more than it saves, and far more while a model is being sampled beside.
    """
    panel = min(PANEL, voxels)
    left = queries.reshape(len(queries), -1, panel).transpose(1, 0, 2)
    right = images.reshape(len(images), -1, panel).transpose(1, 2, 0)

    step = max(1, min(64, SUMS // (len(queries) * len(images))))

    def add_up(start: int) -> np.ndarray:
        some = slice(start, start + step)
        return np.asarray(np.matmul(left[some], right[some]).sum(axis=0, dtype=np.float64))

    # The lock: two searches that left the limit in crossed order would leave BLAS with one thread for good.
    with _BLAS_LOCK, _blas().limit(limits=1, user_api="blas"):
        return np.asarray(sum(pool.map(add_up, range(0, len(left), step))))


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


@dataclass(frozen=True, slots=True)
class Cohort:
    """What choosing candidates needs of N real images: patients as numbers, means, norms, voxels of each."""

    patients: np.ndarray
    means: np.ndarray
    norms: np.ndarray
    voxels: int


def candidates(
    coarse: np.ndarray, of: Moments, cohort: Cohort, allowed: np.ndarray, k: int, by: str
) -> np.ndarray:
    """Choose every image that can be a winner for one query.

    Winners are: the k best by ``by`` (``correlation`` or ``rmse``), the highest correlation, the highest
    correlation with another patient than that one's, and the smallest RMSE.

    Parameters
    ----------
    coarse
        (N,) coarse correlations with the cohort.
    of
        Moments of the query.
    allowed
        (N,) bool; the others do not take part. At least one does.

    Returns
    -------
    numpy.ndarray
        Ascending indices into the cohort.

    Notes
    -----
    Which patient is the best one is not yet known when several images lie within the bound of the
    maximum; but leaving out any patient other than the coarse maximum's leaves that maximum in, and
    everything within the bound of it is chosen already. So one leave-out, of the coarse maximum's patient,
    is enough.
    """
    error = error_bound(cohort.voxels)
    low = np.where(allowed, coarse - error, -np.inf)
    high = np.where(allowed, coarse + error, -np.inf)
    chosen = high >= _kth_largest(low, k if by == "correlation" else 1)
    others = allowed & (cohort.patients != cohort.patients[int(np.argmax(low))])
    if others.any():
        chosen |= others & (high >= low[others].max())
    near, far = _squared_distance(coarse, error, of, cohort)
    limit = -_kth_largest(np.where(allowed, -far, -np.inf), k if by == "rmse" else 1)
    chosen |= near <= limit
    return np.flatnonzero(chosen & allowed)


def _squared_distance(
    coarse: np.ndarray, error: float, of: Moments, cohort: Cohort
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound of the mean squared difference, (N,) each."""
    across = 2 * of.norm * cohort.norms / cohort.voxels
    own = (of.norm**2 + cohort.norms**2) / cohort.voxels + (of.mean - cohort.means) ** 2
    slack = SLACK * (own + of.mean**2 + cohort.means**2)
    middle = own - across * coarse
    return middle - across * error - slack, middle + across * error + slack


def _kth_largest(values: np.ndarray, k: int) -> float:
    k = min(k, values.size)
    return float(np.partition(values, values.size - k)[values.size - k])
