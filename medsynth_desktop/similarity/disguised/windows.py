"""Windows over an image as products of small matrices, one for each axis: several times faster than with taps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import ndimage

from medsynth_desktop.similarity.disguised.interpolation import as_volume
from medsynth_desktop.similarity.loops.compiled import compiled

TRUNCATE = 4.0
"""Standard deviations at which a Gaussian window ends."""
ROWS = 24
"""Rows of a matrix that are multiplied at a time: of a narrow window's most columns are zero there."""
Banded = list[tuple[slice, slice, np.ndarray]]
"""Rows of a matrix, the columns in which they are not zero, and what is there."""


def smoothed(image: np.ndarray, sigma: float, axes: int | None = None) -> np.ndarray:
    """``image`` under a Gaussian window of ``sigma`` cells, mirrored at its ends.

    Along its last ``axes`` (None: all).
    """
    return along(image, [_gaussian(n, sigma) for n in _grid(image, axes)])


def means(image: np.ndarray, step: int) -> np.ndarray:
    """Means of ``step`` cells along each axis; what is left over is cut off."""
    image = np.ascontiguousarray(image, np.float32)
    found = np.empty([n // step for n in image.shape], np.float32)
    _mean(as_volume(image), as_volume(image), False, step, as_volume(found))
    return found


def mean_products(pairs: Sequence[tuple[np.ndarray, np.ndarray]], step: int, sigma: float) -> np.ndarray:
    """(k, *grid) of k pairs of images: means, as `means`, of their products, under a window of ``sigma`` cells."""
    grid = pairs[0][0].shape
    found = np.empty((len(pairs), *(n // step for n in grid)), np.float32)
    for (one, other), out in zip(pairs, found, strict=True):
        _mean(as_volume(one), as_volume(other), True, step, as_volume(out))
    return smoothed(found, sigma / step, len(grid))


def resampled(image: np.ndarray, ratio: float, shape: Sequence[int], axes: int | None = None) -> np.ndarray:
    """``image`` on a grid of ``shape`` with the same first corner, whose cells span ``ratio`` of its own; linear.

    Along its last ``axes`` (None: all).
    """
    return along(image, [_linear(n, m, ratio) for n, m in zip(_grid(image, axes), shape, strict=True)])


def boxes(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Mean of ``image`` in every box of ``size`` cells that lies within it, by its first corner."""
    return along(image, [_box(n, length) for n, length in zip(image.shape, size, strict=True)])


def along(images: np.ndarray, matrices: Sequence[Banded]) -> np.ndarray:
    """``images`` (..., *grid), 2D or 3D, with each axis of the grid, of n, multiplied by its (m, n) matrix."""
    first, *middle, last = matrices
    many, (depth, *rest) = images.shape[: -len(matrices)], images.shape[-len(matrices) :]
    flat = images.reshape(*many, depth, -1)
    made = np.empty((*many, first[-1][0].stop, flat.shape[-1]), np.float32)
    for rows, columns, matrix in first:
        np.matmul(matrix, flat[..., columns, :], out=made[..., rows, :])
    made = made.reshape(*made.shape[:-1], *rest)
    for banded in middle:
        before, made = made, np.empty((*made.shape[:-2], banded[-1][0].stop, made.shape[-1]), np.float32)
        for rows, columns, matrix in banded:
            np.matmul(matrix, before[..., columns, :], out=made[..., rows, :])
    found = np.empty((*made.shape[:-1], last[-1][0].stop), np.float32)
    for rows, columns, matrix in last:
        np.matmul(made[..., columns], matrix.T, out=found[..., rows])
    return found


def _banded(matrix: np.ndarray) -> Banded:
    """``matrix`` (m, n) as some of its rows at a time, each with the columns in which these are not zero."""
    found = []
    for start in range(0, len(matrix), ROWS):
        rows = slice(start, min(start + ROWS, len(matrix)))
        used = np.flatnonzero(matrix[rows].any(axis=0))
        columns = slice(int(used[0]), int(used[-1]) + 1)
        found.append((rows, columns, np.ascontiguousarray(matrix[rows, columns], np.float32)))
    return found


def _grid(image: np.ndarray, axes: int | None) -> tuple[int, ...]:
    return image.shape if axes is None else image.shape[-axes:]


@lru_cache(128)
def _gaussian(n: int, sigma: float) -> Banded:
    """(n, n)."""
    return _banded(ndimage.gaussian_filter1d(np.eye(n), sigma, axis=0, truncate=TRUNCATE))


@lru_cache(128)
def _box(n: int, length: int) -> Banded:
    """(n - length + 1, n)."""
    first = np.arange(n) - np.arange(n - length + 1)[:, None]
    return _banded(((first >= 0) & (first < length)) / length)


@lru_cache(128)
def _linear(n: int, m: int, ratio: float) -> Banded:
    """(m, n); beyond the ends the outermost cells."""
    places = np.clip((np.arange(m) + 0.5) * ratio - 0.5, 0, n - 1)
    low = np.minimum(places.astype(int), max(n - 2, 0))
    high = np.minimum(low + 1, n - 1)
    matrix = np.zeros((m, n))
    np.add.at(matrix, (np.arange(m), low), 1 - (places - low))
    np.add.at(matrix, (np.arange(m), high), places - low)
    return _banded(matrix)


@compiled
def _mean(image: np.ndarray, other: np.ndarray, both: bool, step: int, out: np.ndarray) -> None:
    """Write into ``out`` the means of ``step`` cells along each axis of ``image``, or of the products of ``both``."""
    deep = 1 if image.shape[0] == 1 else step
    width = out.shape[2] * step
    row, share = np.empty(width, np.float32), np.float32(1.0 / (deep * step * step))
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            row[:] = 0
            for u in range(z * deep, (z + 1) * deep):
                for v in range(y * step, (y + 1) * step):
                    if both:
                        for x in range(width):
                            row[x] += image[u, v, x] * other[u, v, x]
                    else:
                        for x in range(width):
                            row[x] += image[u, v, x]
            for x in range(out.shape[2]):
                total = np.float32(0)
                for w in range(x * step, (x + 1) * step):
                    total += row[w]
                out[z, y, x] = total * share


def slopes(image: np.ndarray) -> np.ndarray:
    """(d, *grid) float32: numpy's gradient of ``image``, central differences along each axis, one-sided at its ends."""
    found = np.empty((3, *as_volume(image).shape), np.float32)
    _slopes(as_volume(image), found)
    return found[3 - image.ndim :].reshape(image.ndim, *image.shape)


@compiled
def _slopes(image: np.ndarray, out: np.ndarray) -> None:
    """Write the slopes of ``image`` (z, y, x) into ``out`` (3, z, y, x); zero along an axis of one cell."""
    depth, height, width = image.shape
    for z in range(depth):
        above, below = min(z + 1, depth - 1), max(z - 1, 0)
        per_z = np.float32(1.0 / max(above - below, 1))
        for y in range(height):
            behind, before = min(y + 1, height - 1), max(y - 1, 0)
            per_y = np.float32(1.0 / max(behind - before, 1))
            for x in range(width):
                out[0, z, y, x] = (image[above, y, x] - image[below, y, x]) * per_z
                out[1, z, y, x] = (image[z, behind, x] - image[z, before, x]) * per_y
            for x in range(1, width - 1):
                out[2, z, y, x] = (image[z, y, x + 1] - image[z, y, x - 1]) * np.float32(0.5)
            last = width - 1
            out[2, z, y, 0] = image[z, y, min(1, last)] - image[z, y, 0]
            out[2, z, y, last] = image[z, y, last] - image[z, y, max(last - 1, 0)]


def quantile(image: np.ndarray, share: float) -> float:
    """Quantile of ``image``, float32 and not negative, as numpy's linear one; a tenth of its time."""
    values = np.ascontiguousarray(image, np.float32).reshape(-1)
    place = share * (values.size - 1)
    low, high = _ordered(values, values.view(np.uint32), int(place))
    return low + (high - low) * (place - int(place))


@compiled
def _ordered(values: np.ndarray, bits: np.ndarray, place: int) -> tuple[float, float]:
    """The values at ``place`` and behind it, were they sorted. Floats above zero are in order as their ``bits`` are."""
    counts = np.zeros(1 << 16, np.int64)  # also what is not asked for, a negative or no number, has a cell
    for n in range(len(bits)):
        counts[bits[n] >> np.uint32(16)] += 1
    before, first = 0, 0
    while before + counts[first] <= place:
        before += counts[first]
        first += 1
    last = first  # the cell of the value behind it
    if before + counts[first] <= place + 1 < len(values):
        last += 1
        while counts[last] == 0:
            last += 1
    some = np.empty(counts[first] + (counts[last] if last > first else 0), np.float32)
    found = 0
    for n in range(len(bits)):
        cell = bits[n] >> np.uint32(16)
        if cell == first or cell == last:
            some[found] = values[n]
            found += 1
    some.sort()
    return some[place - before], some[min(place - before + 1, len(some) - 1)]
