"""Blocks of real images as whole numbers of one byte: a quarter of float32, mapped from the shelf, in one copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from medsynth_desktop.similarity.table import Table

LEVELS = 127
"""Of a whole number that stands for a cell. Sums of products of such numbers are exact: neither the cohort's order, nor
the shelf, nor the processor changes a bit."""

AT_ONCE = 64
"""Real images that are compared at a time: memory stays small however many there are."""
HELD = 1 << 27
"""Bytes of blocks that are held in memory, at most: each query asks for them six times."""
TINY = 1e-30
"""Instead of zero, where something is divided by the largest cell of a block."""


def quantised(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., cells) int8 whole numbers for blocks, and (...) float32: what one of each block's counts."""
    scales = np.abs(blocks).max(axis=-1).astype(np.float32) / LEVELS
    return np.rint(blocks / np.maximum(scales, TINY)[..., None]).astype(np.int8), scales


@dataclass(frozen=True, slots=True)
class Known:
    """Blocks of N real images in one pose; each has unit norm or less.

    Attributes
    ----------
    scales
        (b, N) float32: what a whole number of a block counts.
    """

    scales: np.ndarray
    _table: Table
    _places: np.ndarray
    _first: int
    _cells: int
    _held: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """N."""
        return len(self._places)

    def some(self, start: int) -> np.ndarray:
        """(b, n, cells) int8 whole numbers of the `AT_ONCE` images from ``start`` on, a multiple of it."""
        if start not in self._held:
            made = np.ascontiguousarray(self._rows(slice(start, start + AT_ONCE)).transpose(1, 0, 2))
            if sum(held.nbytes for held in tuple(self._held.values())) + made.nbytes > HELD:
                return made
            self._held[start] = made
        return self._held[start]

    def _rows(self, at: slice) -> np.ndarray:
        places = self._places[at]
        rows = self._table.take(2, places, np.empty((len(places), self._table.width), np.int8))
        wanted = rows[:, self._first : self._first + self._cells * len(self.scales)]
        return wanted.reshape(len(places), len(self.scales), self._cells)

    @property
    def nbytes(self) -> int:
        """Of all blocks."""
        return self.scales.size * self._cells

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: the blocks themselves, wherever they are kept here."""
        return _held_alone, (self.scales, self._rows(slice(None)).reshape(self.count, -1))

    def one(self, index: int) -> np.ndarray:
        """(b, cells) int8 whole numbers of one image."""
        start = index // AT_ONCE * AT_ONCE
        if start in self._held:
            return self._held[start][:, index - start]
        return np.asarray(self._rows(slice(index, index + 1))[0])


def _held_alone(scales: np.ndarray, rows: np.ndarray) -> Known:
    """Blocks (N, b * cells) int8 in memory."""
    table = Table(None, "", 0, rows.shape[1], np.int8)
    names = [index.to_bytes(32, "big") for index in range(len(rows))]
    table.hold(names, np.empty((len(rows), 0)), rows)
    return Known(scales, table, table.places(names), 0, rows.shape[1] // len(scales))
