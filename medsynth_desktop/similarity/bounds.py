"""What is known of a correlation before it is measured: float32 products with a proven error, and who can still win.

Every cheaper look at an image (`medsynth_desktop.similarity.index`, or a float32 product of all voxels) gives an
interval that holds the exact value. What cannot be among the winners by these intervals is dropped; the others go on to
`medsynth_desktop.similarity.exact`, so the result is exact.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from medsynth_desktop.similarity.exact import CHUNK, Moments

PANEL = 512
"""Voxels that one float32 product sums up; the sums of panels are added in float64. The bound shrinks with it;
from 4096 down to 512 the products took the same time."""
SUMS = 1 << 22
"""Sums of panels (float32) that one worker holds at a time."""
TASKS = 8
"""Pieces that a product is cut into, at least, where it is large enough: as many workers can help."""
UNIT_ROUNDOFF = 2.0**-24
"""Of float32."""
SLACK = 1e-10
"""Generous room for the float64 rounding of means, norms, panel sums and the exact values themselves."""

_PRECISION_LOCK = threading.Lock()


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
        out[:] = piece
        np.subtract(out, of.mean, out=out)
        np.multiply(out, 1.0 / of.norm, out=row[start : start + piece.size], casting="same_kind")
    row[voxels.size :] = 0


def held(rows: np.ndarray, device: str) -> Any:
    """Bring float32 ``rows`` to where `products` shall multiply them: ``cpu``, or a CUDA device of torch."""
    if device == "cpu":
        return rows
    import torch

    return torch.from_numpy(rows).to(device)


def products(
    left: Any, right: np.ndarray, width: int, pool: Executor, which: np.ndarray | None = None
) -> np.ndarray:
    """Return (L, R) float64 sums of products of float32 rows (L, P) and (R, P), where P is ``padded(width)``.

    The one seam between CPU and CUDA: ``left`` is `held` by either, and `error_bound` covers both. ``pool`` works
    through pieces while BLAS is held to one thread: its own threads meet after every panel, which costs more than it
    saves, and far more while a model is being sampled beside. ``which`` takes some of the rows of ``left`` alone.
    """
    panel = min(PANEL, width)
    if not isinstance(left, np.ndarray):
        return _products_on_device(left if which is None else left[which.tolist()], right, panel)
    count, panels = len(left) if which is None else len(which), left.shape[1] // panel
    b = right.reshape(len(right), -1, panel).transpose(1, 2, 0)
    few = -(-count // TASKS) if panels < TASKS else count
    rows = max(1, min(few, SUMS // len(right)))
    step = max(1, min(64, SUMS // (rows * len(right)), panels // TASKS))
    tasks = [
        (slice(row, row + rows), slice(start, start + step))
        for row in range(0, count, rows)
        for start in range(0, panels, step)
    ]

    def add_up(task: tuple[slice, slice]) -> np.ndarray:
        some, at = task
        a = left[some if which is None else which[some], at.start * panel : at.stop * panel]
        a = a.reshape(len(a), -1, panel).transpose(1, 0, 2)
        return np.asarray(np.matmul(a, b[at]).sum(axis=0, dtype=np.float64))

    total = np.zeros((count, len(right)))
    with one_thread_each():
        for (some, _), sums in zip(tasks, pool.map(add_up, tasks), strict=True):
            total[some] += sums
    return total


def _products_on_device(left: Any, right: np.ndarray, panel: int) -> np.ndarray:
    import torch

    with _PRECISION_LOCK, _whole_float32(torch, left.device.type), torch.inference_mode():
        a = left.reshape(len(left), -1, panel).transpose(0, 1)
        b = torch.from_numpy(right).to(left.device).reshape(len(right), -1, panel).permute(1, 2, 0)
        total = torch.zeros((len(left), len(right)), dtype=torch.float64, device=left.device)
        step = max(1, SUMS // (len(left) * len(right)))
        for start in range(0, len(a), step):
            sums = torch.matmul(a[start : start + step], b[start : start + step])
            total += sums.sum(dim=0, dtype=torch.float64)
        return np.asarray(total.cpu().numpy())


@contextmanager
def _whole_float32(torch: Any, device: str) -> Iterator[None]:
    """Forbid TensorFloat-32 and autocast (a model may be sampled around), whose rounding the bound does not cover."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


class _Held:
    """Who holds BLAS to one thread.

    The first takes the limit and the last gives it back: in crossed order, or from a generator that nobody goes on
    with, two searches would else leave BLAS with one thread for good, or wait for ever.
    """

    lock = threading.Lock()
    by = 0
    limit: Any = None


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Hold BLAS to one thread while a pool's workers call it: bits do not depend on their number, and none waits."""
    with _Held.lock:
        if not _Held.by:
            _Held.limit = _blas().limit(limits=1, user_api="blas")
        _Held.by += 1
    try:
        yield
    finally:
        with _Held.lock:
            _Held.by -= 1
            if not _Held.by:
                _Held.limit.restore_original_limits()


@dataclass(frozen=True, slots=True)
class Cohort:
    """What choosing needs of N real images: patients as numbers, means, norms, voxels of each."""

    patients: np.ndarray
    means: np.ndarray
    norms: np.ndarray
    voxels: int

    def some(self, indices: np.ndarray) -> Cohort:
        """The images at ``indices``."""
        return Cohort(self.patients[indices], self.means[indices], self.norms[indices], self.voxels)


def candidates(low: np.ndarray, high: np.ndarray, of: Moments, cohort: Cohort, k: int, by: str) -> np.ndarray:
    """Choose every image that can be a winner for one query.

    Winners are: the k best by ``by`` (``correlation`` or ``rmse``), the highest correlation, the highest
    correlation with another patient than that one's, and the smallest RMSE.

    Parameters
    ----------
    low, high
        (N,) bounds of the correlations with the cohort.
    of
        Moments of the query.

    Returns
    -------
    numpy.ndarray
        (N,) bool.

    Notes
    -----
    Which patient is the best one is not yet known where several intervals overlap the best; but leaving out any
    patient other than that of the highest lower bound leaves that image in, and whatever reaches its bound is chosen
    already. So one leave-out, of that image's patient, is enough. All winners are chosen, so choosing again among the
    chosen, when more is known of them, loses none.
    """
    chosen = high >= _kth_largest(low, k if by == "correlation" else 1)
    others = cohort.patients != cohort.patients[int(np.argmax(low))]
    if others.any():
        chosen |= others & (high >= low[others].max())
    near, far = _squared_distance(low, high, of, cohort)
    chosen |= near <= -_kth_largest(-far, k if by == "rmse" else 1)
    return np.asarray(chosen)


def leaders(low: np.ndarray, high: np.ndarray, of: Moments, cohort: Cohort, count: int) -> np.ndarray:
    """Return ascending places of the most promising: by correlation, of other patients, and by RMSE.

    To know these well first tells of most others that they cannot win.
    """
    near, _ = _squared_distance(low, high, of, cohort)
    others = np.where(cohort.patients != cohort.patients[int(np.argmax(high))], high, -np.inf)
    count = min(count, high.size)
    best = [np.argpartition(-values, count - 1)[:count] for values in (high, others, -near)]
    return np.unique(np.concatenate(best))


def _squared_distance(
    low: np.ndarray, high: np.ndarray, of: Moments, cohort: Cohort
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound of the mean squared difference, (N,) each."""
    across = 2 * of.norm * cohort.norms / cohort.voxels
    own = (of.norm**2 + cohort.norms**2) / cohort.voxels + (of.mean - cohort.means) ** 2
    slack = SLACK * (own + of.mean**2 + cohort.means**2)
    return own - across * high - slack, own - across * low + slack


def _kth_largest(values: np.ndarray, k: int) -> float:
    k = min(k, values.size)
    return float(np.partition(values, values.size - k)[values.size - k])
