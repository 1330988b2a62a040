"""Blocks of real images as whole numbers of one byte: a quarter of float32, mapped from the shelf, in one copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.similarity.table import Table

LEVELS = 127
"""Of a whole number that stands for a cell. A block has at most 512 cells, so float32 products of such numbers are
exact (127 x 127 x 512 < 2^24): neither the cohort's order, nor the shelf, nor the processor changes a bit."""

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
    _side: int

    @property
    def count(self) -> int:
        """N."""
        return len(self._places)

    def some(self, at: slice) -> np.ndarray:
        """(b, n, cells) float32 whole numbers of the images ``at``."""
        places = self._places[at]
        rows = self._table.take(2, places, np.empty((len(places), self._table.width), np.int8))
        here = rows.reshape(len(places), 2, len(self.scales), -1)[:, self._side]
        return np.asarray(here.astype(np.float32).transpose(1, 0, 2))

    def one(self, index: int) -> np.ndarray:
        """(b, cells) float32 whole numbers of one image."""
        return np.asarray(self.some(slice(index, index + 1))[:, 0])
