"""Where in a query a real image may turn up: blocks of both are compared, and neighbouring blocks must agree.

A copied part of a quarter of an image is a window of blocks that are all alike with one shift; by chance single blocks
are alike, but not all of a window with the same shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from medsynth_desktop.similarity.disguised.shelved import AT_ONCE, LEVELS, TINY, Known
from medsynth_desktop.similarity.disguised.structure import BLOCK

FLAT = 0.1
"""Share of the strongest block's norm that is added to every norm: a block without structure is like none."""
AROUND = {2: (-4, -2, 0, 2, 4), 3: (-2, 0, 2)}
"""Cells by which a block may lie elsewhere."""
QUARTER = 0.25
"""Share of the image that a window of blocks covers: the smallest part that is looked for."""


def cut(array: np.ndarray) -> np.ndarray:
    """(blocks, cells of each): ``array`` cut into blocks, zeros added at the far ends."""
    size = BLOCK[array.ndim]
    array = np.pad(array, [(0, -n % size) for n in array.shape])
    parts = array.reshape([m for n in array.shape for m in (n // size, size)])
    order = (*range(0, 2 * array.ndim, 2), *range(1, 2 * array.ndim, 2))
    return np.ascontiguousarray(parts.transpose(order)).reshape(-1, size**array.ndim)


def spread(weight: np.ndarray, cells: tuple[int, ...]) -> np.ndarray:
    """(*cells) the weight of the block that each cell of the frame lies in."""
    size = BLOCK[len(cells)]
    array = weight.reshape([-(-n // size) for n in cells]).astype(np.float32)
    for axis, n in enumerate(cells):
        array = np.repeat(array, size, axis=axis).take(range(n), axis=axis)
    return array


def norms_of(blocks: np.ndarray) -> np.ndarray:
    """(b, n) norms of (b, n, cells), to each image's added a share of its strongest: never near zero."""
    norms = np.sqrt(np.einsum("bnc,bnc->bn", blocks, blocks))
    return np.asarray(norms + FLAT * norms.max(axis=0) + 1e-9)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks of a query, as they are and moved.

    Attributes
    ----------
    cells
        (b, w, cells) float32 whole numbers, for each of ``ways``.
    scales
        (b, w) what one of them counts: each block has unit norm or less.
    ways
        (w, d) cells by which they were moved.
    grid
        Blocks along each axis; their product is b.
    window
        So many of them along each axis fit in the smallest part that is looked for.
    """

    cells: np.ndarray
    scales: np.ndarray
    ways: np.ndarray
    grid: tuple[int, ...]
    window: tuple[int, ...]

    @classmethod
    def of(cls, band: np.ndarray) -> Blocks:
        """Cut the (*grid) ``band`` of a query into blocks, moved in every way."""
        dims, size = band.ndim, BLOCK[band.ndim]
        ways, most = np.array(list(product(AROUND[dims], repeat=dims))), max(AROUND[dims])
        grid = tuple(-(-n // size) for n in band.shape)
        reach = [(most, most + g * size - n) for g, n in zip(grid, band.shape, strict=True)]
        every = np.lib.stride_tricks.sliding_window_view(np.pad(band, reach), (size,) * dims)
        first = np.stack(np.meshgrid(*(np.arange(g) * size for g in grid), indexing="ij"), -1).reshape(
            -1, dims
        )
        moved = every[tuple(np.moveaxis(first[:, None] + most - ways, 2, 0))].reshape(
            len(first), len(ways), -1
        )
        if any(n % size for n in band.shape):  # nothing lies beyond the far ends
            moved *= cut(np.ones(band.shape, np.float32))[:, None]
        largest = np.maximum(moved.max(axis=2), -moved.min(axis=2))
        whole = moved * (LEVELS / np.maximum(largest, TINY))[:, :, None]
        share = QUARTER ** (1 / dims)
        window = tuple(max(1, round(share * n)) for n in grid)
        return cls(np.rint(whole, out=whole), largest / norms_of(moved) / LEVELS, ways, grid, window)

    def scores(self, known: Known) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of N real images, whose blocks are ``known``: score, index of the way, sign, (N,) each."""
        count = known.count
        score, way, sign = np.empty(count, np.float32), np.empty(count, int), np.empty(count, int)
        for start in range(0, count, AT_ONCE):
            some = slice(start, start + AT_ONCE)
            products = known.some(start) @ self.cells.transpose(0, 2, 1)  # (b, n, w), exact
            products *= known.scales[:, some, None] * self.scales[:, None]
            strength = np.abs(products)
            strength *= np.sqrt(strength)  # one block very much alike counts more than two half as alike
            alike = np.where(products > 0, strength, np.float32(0))
            sides = [self._best_window(one) for one in (alike, strength - alike)]
            negative = sides[1][0] > sides[0][0]
            score[some], way[some] = (np.where(negative, b, a) for a, b in zip(*sides, strict=True))
            sign[some] = np.where(negative, -1, 1)
        return score, way, sign

    def _best_window(self, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Highest mean of ``count`` (b, n, w) in a window of blocks with one way; and that way."""
        count = count.reshape(*self.grid, *count.shape[1:])
        for axis, (n, size) in enumerate(zip(self.grid, self.window, strict=True)):
            ends = np.moveaxis(count, axis, 0)
            windows = ends[: n - size + 1].copy()
            for first in range(1, size):
                windows += ends[first : n - size + 1 + first]
            windows /= np.float32(size)
            count = np.moveaxis(windows, 0, axis)
        best = count.reshape(-1, *count.shape[-2:]).max(axis=0)  # (n, w)
        return best.max(axis=1), best.argmax(axis=1)

    def agreeing(self, known: Known, index: int, way: int, sign: int) -> tuple[np.ndarray, np.ndarray]:
        """Of the blocks of one real image: how alike (b,), and (b, d) by which way, near ``way``."""
        near = np.abs(self.ways - self.ways[way]).max(axis=1) <= np.diff(AROUND[self.ways.shape[1]])[0]
        products = sign * np.einsum("bc,bwc->bw", known.one(index), self.cells[:, near])
        products *= known.scales[:, index, None] * self.scales[:, near]
        return products.max(axis=1), self.ways[near][products.argmax(axis=1)]
