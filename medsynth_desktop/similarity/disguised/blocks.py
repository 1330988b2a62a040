"""Where in a query a real image may turn up: blocks of both are compared, and neighbouring blocks must agree.

A copied part of a quarter of an image is a window of blocks that are all alike with one shift; by chance single blocks
are alike, but not all of a window with the same shift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from medsynth_desktop.similarity.disguised.interpolation import as_volume
from medsynth_desktop.similarity.disguised.shelved import AT_ONCE, LEVELS, TINY, Known
from medsynth_desktop.similarity.disguised.structure import BLOCK
from medsynth_desktop.similarity.loops.compiled import compiled

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
    return floored(np.sqrt(np.einsum("bnc,bnc->bn", blocks, blocks)))


def floored(norms: np.ndarray) -> np.ndarray:
    """``norms`` (b, n), to each image's added a share of its strongest: never near zero."""
    return np.asarray(norms + FLAT * norms.max(axis=0) + 1e-9)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks of a query, as they are and moved.

    Attributes
    ----------
    cells
        (b, w, cells) int8 whole numbers, for each of ``ways``.
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
        ways = np.array(list(product(AROUND[dims], repeat=dims)))
        grid = tuple(-(-n // size) for n in band.shape)
        flat = (1,) * (3 - dims)
        count = math.prod(grid), len(ways)
        cells, largest = np.empty((*count, size**dims), np.int8), np.empty(count, np.float32)
        norms, moved = np.empty(count, np.float32), np.zeros((len(ways), 3), int)
        moved[:, 3 - dims :] = ways
        _cut_moved(as_volume(band), moved, (*flat, *grid), (*flat, *(size,) * dims), cells, largest, norms)
        share = QUARTER ** (1 / dims)
        window = tuple(max(1, round(share * n)) for n in grid)
        return cls(cells, largest / floored(norms) / LEVELS, ways, grid, window)

    def scores(self, known: Known) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of N real images, whose blocks are ``known``: score, index of the way, sign, (N,) each."""
        count = known.count
        score, way, sign = np.empty(count, np.float32), np.empty(count, np.int64), np.empty(count, np.int64)
        for start in range(0, count, AT_ONCE):
            some = slice(start, start + AT_ONCE)
            products = _products(known.some(start), known.scales[:, some], self.cells, self.scales)
            grid, window = ((1,) * (3 - len(of)) + tuple(of) for of in (self.grid, self.window))
            _best_windows(products, grid, window, score[some], way[some], sign[some])
        return score, way, sign

    def agreeing(self, known: Known, index: int, way: int, sign: int) -> tuple[np.ndarray, np.ndarray]:
        """Of the blocks of one real image: how alike (b,), and (b, d) by which way, near ``way``."""
        near = np.abs(self.ways - self.ways[way]).max(axis=1) <= np.diff(AROUND[self.ways.shape[1]])[0]
        cells, scales = np.ascontiguousarray(self.cells[:, near]), np.ascontiguousarray(self.scales[:, near])
        products = sign * _products(known.one(index)[:, None], known.scales[:, [index]], cells, scales)[:, 0]
        return products.max(axis=1), self.ways[near][products.argmax(axis=1)]


@compiled
def _cut_moved(
    band: np.ndarray,
    ways: np.ndarray,
    grid: tuple[int, ...],
    size: tuple[int, ...],
    cells: np.ndarray,
    largest: np.ndarray,
    norms: np.ndarray,
) -> None:
    """Cut ``band`` (z, y, x) into blocks of ``size``, moved by each of ``ways`` (w, 3).

    Writes whole numbers (b, w, cells) int8, and of each block its largest absolute value and its norm, (b, w). Nothing
    lies beyond the band's ends, before the move and after.
    """
    room = np.empty(cells.shape[2], np.float32)
    for block in range(len(cells)):
        first = (
            block // (grid[1] * grid[2]) * size[0],
            block // grid[2] % grid[1] * size[1],
            block % grid[2] * size[2],
        )
        for way in range(len(ways)):
            dz, dy, dx = ways[way]
            room[:] = 0
            at, most, squares = 0, np.float32(0), np.float32(0)
            low, high = max(0, dx), min(band.shape[2], band.shape[2] + dx)
            for z in range(first[0], first[0] + size[0]):
                for y in range(first[1], first[1] + size[1]):
                    if (
                        z < band.shape[0]
                        and y < band.shape[1]
                        and 0 <= z - dz < band.shape[0]
                        and 0 <= y - dy < band.shape[1]
                    ):
                        for x in range(max(first[2], low), min(first[2] + size[2], high)):
                            value = band[z - dz, y - dy, x - dx]
                            room[at + x - first[2]] = value
                            most, squares = max(most, abs(value)), squares + value * value
                    at += size[2]
            largest[block, way], norms[block, way] = most, np.sqrt(squares)
            per = np.float32(LEVELS) / max(most, np.float32(TINY))
            for cell in range(len(room)):
                cells[block, way, cell] = np.int8(np.rint(room[cell] * per))


def _products(rows: np.ndarray, scales: np.ndarray, cells: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(b, n, w) float32: how alike block b of real image n and of a query moved in way w are.

    ``rows`` (b, n, cells) and ``cells`` (b, w, cells) are int8 whole numbers that count ``scales`` (b, n) and ``own``
    (b, w).
    """
    found = np.empty((len(cells), rows.shape[1], cells.shape[1]), np.float32)
    _multiply(np.ascontiguousarray(rows), np.ascontiguousarray(scales), cells, own, found)
    return found


@compiled
def _multiply(
    rows: np.ndarray, scales: np.ndarray, cells: np.ndarray, own: np.ndarray, out: np.ndarray
) -> None:
    """As `_products`; sums of whole numbers, so exact in any order. Three ways at a time: rows are read less often."""
    last = out.shape[2] - 1
    for block in range(out.shape[0]):
        for image in range(out.shape[1]):
            row, scale = rows[block, image], scales[block, image]
            for one in range(0, last + 1, 3):
                two, three = min(one + 1, last), min(one + 2, last)
                there, then, thence = cells[block, one], cells[block, two], cells[block, three]
                first, second, third = np.int32(0), np.int32(0), np.int32(0)
                for cell in range(len(row)):
                    value = np.int32(row[cell])
                    first = np.int32(first + value * np.int32(there[cell]))
                    second = np.int32(second + value * np.int32(then[cell]))
                    third = np.int32(third + value * np.int32(thence[cell]))
                out[block, image, one] = first * (scale * own[block, one])
                out[block, image, two] = second * (scale * own[block, two])
                out[block, image, three] = third * (scale * own[block, three])


@compiled
def _best_windows(
    products: np.ndarray,
    grid: tuple[int, ...],
    window: tuple[int, ...],
    score: np.ndarray,
    way: np.ndarray,
    sign: np.ndarray,
) -> None:
    """Of each of n real images the strongest window of blocks with one way and one sign; ``products`` are (b, n, w).

    One block very much alike counts more than two half as alike: likenesses count by their power of 1.5.
    """
    blocks, images, ways = products.shape
    strengths, total = np.empty((blocks, ways), np.float32), np.empty(ways, np.float32)
    size = np.float32(window[0] * window[1] * window[2])
    for image in range(images):
        score[image] = -1
        for side in (1, -1):
            for block in range(blocks):
                for one in range(ways):
                    alike = max(side * products[block, image, one], np.float32(0))
                    strengths[block, one] = alike * np.sqrt(alike)
            for z in range(grid[0] - window[0] + 1):
                for y in range(grid[1] - window[1] + 1):
                    for x in range(grid[2] - window[2] + 1):
                        total[:] = 0
                        for u in range(z, z + window[0]):
                            for v in range(y, y + window[1]):
                                for block in range(
                                    (u * grid[1] + v) * grid[2] + x,
                                    (u * grid[1] + v) * grid[2] + x + window[2],
                                ):
                                    for one in range(ways):
                                        total[one] += strengths[block, one]
                        for one in range(ways):
                            if total[one] / size > score[image]:
                                score[image], way[image], sign[image] = total[one] / size, one, side
