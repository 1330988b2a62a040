"""What images show between their cells. Images of two dimensions are volumes of one slice here."""

from __future__ import annotations

import numpy as np

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.loops.compiled import compiled

EDGE = 1e-6
"""Cells beyond the outermost centres that still count as on them: maps are rounded."""


def pulled(
    map_: Affine,
    image: np.ndarray,
    shape: tuple[int, ...],
    fill: float = 0.0,
    order: int = 1,
    way: np.ndarray | None = None,
) -> np.ndarray:
    """Array of ``shape`` that shows at each x what ``image`` shows at ``map_(x + way)``; outside ``fill``.

    ``order`` 1 interpolates between cells, 0 takes the nearest. ``way`` (d, *shape) is in cells (None: nowhere), for
    order 1.
    """
    if way is None and image.shape == shape and not map_.offset.any():
        if np.array_equal(map_.matrix, np.eye(len(shape))):
            return image
    found, place = np.empty(shape, np.float32), lifted(map_)
    if way is None:
        _pull(as_volume(image), *place, order, np.float32(fill), as_volume(found))
    else:
        bent = np.ascontiguousarray(way, np.float32)
        if len(bent) < 3:
            bent = np.stack([np.zeros_like(bent[0]), *bent])[:, None]
        _pull_bent(as_volume(image), *place, bent, np.float32(fill), as_volume(found))
    return found


def as_volume(image: np.ndarray) -> np.ndarray:
    """(z, y, x) float32: ``image`` itself where it can be, else a copy."""
    image = np.ascontiguousarray(image, np.float32)
    return image if image.ndim == 3 else image[None]


def lifted(map_: Affine) -> tuple[np.ndarray, np.ndarray]:
    """(3, 3) matrix and (3,) offset of ``map_`` for places of volumes: new arrays."""
    matrix, offset = np.eye(3), np.zeros(3)
    first = 3 - len(map_.offset)
    matrix[first:, first:], offset[first:] = map_.matrix, map_.offset
    return matrix, offset


@compiled
def _pull(
    image: np.ndarray, matrix: np.ndarray, offset: np.ndarray, order: int, fill: np.float32, out: np.ndarray
) -> None:
    """Write into ``out`` what ``image`` shows, as `pulled` says; rows are cut to what is inside first."""
    grid, flat = image.shape, image.reshape(-1)
    per_z, per_y, per_x = matrix[0, 2], matrix[1, 2], matrix[2, 2]
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            z = matrix[0, 0] * i + matrix[0, 1] * j + offset[0]
            y = matrix[1, 0] * i + matrix[1, 1] * j + offset[1]
            x = matrix[2, 0] * i + matrix[2, 1] * j + offset[2]
            first, last = _span(z, per_z, grid[0] - 1, 0.0, out.shape[2] - 1.0)
            first, last = _span(y, per_y, grid[1] - 1, first, last)
            first, last = _span(x, per_x, grid[2] - 1, first, last)
            start, end = 0, 0
            if first <= last:  # else they may be anything, infinite too
                start, end = int(np.ceil(first)), int(np.floor(last)) + 1
            end = max(end, start)
            out[i, j, :start] = fill
            out[i, j, end:] = fill
            for k in range(start, end):
                u, v, w = z + per_z * k, y + per_y * k, x + per_x * k
                if order == 0:
                    out[i, j, k] = image[nearest(u, grid[0]), nearest(v, grid[1]), nearest(w, grid[2])]
                else:
                    out[i, j, k] = between(flat, grid, u, v, w)


@compiled
def _span(start: float, per: float, end: float, first: float, last: float) -> tuple[float, float]:
    """Of the steps from ``first`` to ``last`` those at which ``start + per * step`` lies between 0 and ``end``."""
    low, high = -EDGE - start, end + EDGE - start
    if per == 0:
        return (first, last) if low <= 0 <= high else (0.0, -1.0)
    if per < 0:
        low, high = high, low
    return max(first, low / per), min(last, high / per)


@compiled
def _pull_bent(
    image: np.ndarray,
    matrix: np.ndarray,
    offset: np.ndarray,
    way: np.ndarray,
    fill: np.float32,
    out: np.ndarray,
) -> None:
    """As `_pull`, interpolated, where each place is moved by its ``way`` (3, z, y, x) first."""
    grid, flat = image.shape, image.reshape(-1)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(out.shape[2]):
                a, b, c = i + way[0, i, j, k], j + way[1, i, j, k], k + way[2, i, j, k]
                z = matrix[0, 0] * a + matrix[0, 1] * b + matrix[0, 2] * c + offset[0]
                y = matrix[1, 0] * a + matrix[1, 1] * b + matrix[1, 2] * c + offset[1]
                x = matrix[2, 0] * a + matrix[2, 1] * b + matrix[2, 2] * c + offset[2]
                out[i, j, k] = between(flat, grid, z, y, x) if inside(z, y, x, grid) else fill


@compiled
def inside(z: float, y: float, x: float, grid: tuple[int, int, int]) -> bool:
    """Whether a place lies between the centres of the outermost cells."""
    return (
        min(z, y, x) >= -EDGE
        and z <= grid[0] - 1 + EDGE
        and y <= grid[1] - 1 + EDGE
        and x <= grid[2] - 1 + EDGE
    )


@compiled
def nearest(place: float, count: int) -> int:
    """The cell nearest to ``place`` along one axis."""
    return max(min(int(place + 0.5), count - 1), 0)


@compiled
def low(place: float, count: int) -> int:
    """The cell before ``place`` along one axis, so that there is one behind it unless the axis has but one."""
    return max(min(int(place), count - 2), 0)


@compiled
def between(flat: np.ndarray, grid: tuple[int, int, int], z: float, y: float, x: float) -> float:
    """What an image, ``flat``, shows at a place `inside` its ``grid``, by linear interpolation."""
    depth, height, width = grid
    i, j, k = low(z, depth), low(y, height), low(x, width)
    u, v, w = np.float32(z - i), np.float32(y - j), np.float32(x - k)
    at = np.uint64((i * height + j) * width + k)  # unsigned: else every index is looked at for being negative
    on_z, on_y, on_x = (
        np.uint64(height * width if depth > 1 else 0),
        np.uint64(width if height > 1 else 0),
        np.uint64(1 if width > 1 else 0),
    )
    v00 = flat[at] + w * (flat[at + on_x] - flat[at])
    at += on_y
    v01 = flat[at] + w * (flat[at + on_x] - flat[at])
    at += on_z
    v11 = flat[at] + w * (flat[at + on_x] - flat[at])
    at -= on_y
    v10 = flat[at] + w * (flat[at + on_x] - flat[at])
    v0, v1 = v00 + v * (v01 - v00), v10 + v * (v11 - v10)
    return float(v0 + u * (v1 - v0))
