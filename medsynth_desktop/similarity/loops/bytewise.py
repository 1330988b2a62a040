"""Rows of numbers as whole numbers of one byte: a quarter of the memory is read for each query, with a known loss."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.similarity.bounds import PANEL, SLACK, TASKS, padded, products
from medsynth_desktop.similarity.loops.compiled import compiled

LEVELS = 127
"""Of the whole number that stands for a row's largest."""
FEW = 4
"""Queries up to which each is multiplied with the bytes; more are worth float32 rows and BLAS."""
SOME = 64
"""Rows that are brought to float32 at a time."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """N rows of numbers.

    Attributes
    ----------
    rows
        (N, P) int8 whole numbers, zeros behind those that count.
    scales
        (N,) float64: what one of them counts.
    lost
        (N,) float64: the norm of what they leave out, at most. A product with a unit vector misses no more
        (Cauchy-Schwarz).
    """

    rows: np.ndarray
    scales: np.ndarray
    lost: np.ndarray

    @classmethod
    def of(cls, count: int, width: int, write: Callable[[int, np.ndarray], None], pool: Executor) -> Bytes:
        """Round ``count`` rows of ``width`` numbers; ``write`` writes one into a float32 row, zeros behind."""
        made = cls(np.empty((count, padded(width)), np.int8), np.empty(count), np.empty(count))

        def add(index: int) -> None:
            row = np.empty(padded(width), np.float32)
            write(index, row)
            scale = max(float(np.abs(row).max()), float(np.finfo(np.float32).tiny)) / LEVELS
            whole = np.clip(np.rint(row / scale), -LEVELS, LEVELS)
            made.rows[index], made.scales[index] = whole, scale
            made.lost[index] = (1 + SLACK) * float(np.linalg.norm(row - scale * whole.astype(np.float64)))

        list(pool.map(add, range(count)))
        return made


def byte_products(
    left: np.ndarray, right: np.ndarray, width: int, pool: Executor, which: np.ndarray | None = None
) -> np.ndarray:
    """As `medsynth_desktop.similarity.bounds.products`, where ``right`` are whole numbers, (R, P) int8."""
    count = len(left) if which is None else len(which)
    if count > FEW:
        starts = range(0, len(right), SOME)
        some = (right[start : start + SOME].astype(np.float32) for start in starts)
        return np.concatenate([products(left, rows, width, pool, which) for rows in some], axis=1)
    found = np.empty((count, len(right)))
    own = left if which is None else left[which]
    panel, step = min(PANEL, width), -(-len(right) // TASKS)

    def multiply(start: int) -> None:
        at = slice(start, start + step)
        _multiply(own, right[at], panel, found[:, at])

    list(pool.map(multiply, range(0, len(right), step)))
    return found


@compiled
def _multiply(left: np.ndarray, right: np.ndarray, panel: int, out: np.ndarray) -> None:
    """Write (L, R) products; each panel is summed up in float32, the panels in float64."""
    for image in range(right.shape[0]):
        for query in range(left.shape[0]):
            total = np.float64(0)
            for start in range(0, right.shape[1], panel):
                ours, theirs = left[query, start : start + panel], right[image, start : start + panel]
                part = np.float32(0)
                for n in range(len(ours)):  # of slices: their places need not be looked at for being negative
                    part += ours[n] * np.float32(theirs[n])
                total += np.float64(part)
            out[query, image] = total
