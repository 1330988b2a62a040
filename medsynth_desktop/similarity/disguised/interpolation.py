"""What images show between their cells, many places at once: two to four times as fast as scipy's general splines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

AT_ONCE = 1 << 15
"""Places that are looked at together: what is worked out on the way stays in the processor's cache."""


def linear(image: np.ndarray, places: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """(*shape) float32: what ``image`` shows at (d, *shape) float32 ``places``, interpolated; outside ``fill``."""
    grid, shape, flat = image.shape, places.shape[1:], _flat(image)
    places = places.reshape(len(grid), -1)
    found = np.empty(places.shape[1], np.float32)
    corners = _corners(grid)
    room = np.empty((len(corners), min(AT_ONCE, found.size)), np.float32)
    for start in range(0, found.size, AT_ONCE):
        some = places[:, start : start + AT_ONCE]
        before = [np.floor(np.clip(p, 0, max(n - 2, 0))) for p, n in zip(some, grid, strict=True)]
        first, values = _index(before, grid), room[:, : some.shape[1]]
        for corner, row in zip(corners, values, strict=True):
            there = flat[
                min(corner, flat.size - 1) :
            ]  # an axis of one cell has none behind, nor a share of it
            there.take(first, out=row, mode="clip")  # other modes copy once more
        for along, cells in zip(some, before, strict=True):
            near, far = np.split(values, 2)
            far -= near
            far *= along - cells
            near += far
            values = near
        found[start : start + AT_ONCE] = values[0]
    return _filled(found, places, grid, fill).reshape(shape)


def nearest(image: np.ndarray, places: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """(*shape) float32: what ``image`` shows in the cells nearest to (d, *shape) ``places``; outside ``fill``."""
    grid, shape = image.shape, places.shape[1:]
    places = places.reshape(len(grid), -1)
    cells = [np.floor(np.clip(p, 0, n - 1) + np.float32(0.5)) for p, n in zip(places, grid, strict=True)]
    return _filled(_flat(image).take(_index(cells, grid)), places, grid, fill).reshape(shape)


class Bands:
    """Several images of one grid that are looked at in the same few places."""

    def __init__(self, images: Sequence[np.ndarray]) -> None:
        grid = images[0].shape
        self._rows = np.stack([_flat(image) for image in images], axis=1)
        self._last = np.array(grid, float)[:, None] - 1
        self._strides = np.array(_strides(grid))
        self._corners = np.array(_corners(grid))[:, None]

    def at(self, places: np.ndarray) -> np.ndarray:
        """(images, n) float32: what each shows at (d, n) ``places``, interpolated; outside zero."""
        before = np.minimum(np.maximum(places, 0), self._last - 1).astype(np.intp)
        beyond = (places - before).astype(np.float32)
        shares = np.stack([1 - beyond, beyond])
        weights = shares[:, 0]
        for axis in range(1, len(places)):
            weights = (weights[:, None] * shares[None, :, axis]).reshape(-1, places.shape[1])
        inside = ((places >= 0) & (places <= self._last)).all(axis=0)
        values = self._rows.take(self._strides @ before + self._corners, axis=0, mode="clip")
        return np.asarray(np.einsum("knc,kn->cn", values, weights * inside))


def _flat(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image, np.float32).reshape(-1)


def _strides(grid: Sequence[int]) -> list[int]:
    return [math.prod(grid[axis + 1 :]) for axis in range(len(grid))]


def _corners(grid: Sequence[int]) -> list[int]:
    """How far behind a cell, in the flat image, lie the corners of the box that begins there."""
    ways = product((0, 1), repeat=len(grid))
    return [sum(step * stride for step, stride in zip(way, _strides(grid), strict=True)) for way in ways]


def _index(cells: Sequence[np.ndarray], grid: Sequence[int]) -> np.ndarray:
    """Where float32 ``cells`` lie in the flat image."""
    flat = sum(cell.astype(np.intp) * stride for cell, stride in zip(cells, _strides(grid), strict=True))
    return np.asarray(flat)


def _filled(found: np.ndarray, places: np.ndarray, grid: Sequence[int], fill: float) -> np.ndarray:
    """``found``, with ``fill`` where a place lies outside of ``grid``."""
    for along, size in zip(places, grid, strict=True):
        if along.min(initial=0) < 0 or along.max(initial=0) > size - 1:
            found[(along < 0) | (along > size - 1)] = fill
    return found
