"""The mean image bent onto an image: what all images share also lies where no affine map brings it (a bowed neck)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from medsynth_desktop.similarity.disguised.structure import Structure, local, thinning

WINDOW = 4.0
"""Cells, standard deviation, of the window whose borders tell one way."""
STEPS = 4
STILL = 0.05
"""Energy (bands have 1) that holds a place without borders where it is."""
MOST = 1.5
"""Cells that a place moves in a step, at most."""
SMOOTH = 2.0
"""Cells, standard deviation, by which the ways are smoothed: it bends, but draws nothing that is one's own."""


def flow(image: Structure, mean: np.ndarray) -> np.ndarray:
    """(d, *grid) cells from each place of ``image`` to where its like lies in ``mean``, the mean's (*grid) band.

    Iterated least squares in windows (Lucas and Kanade 1981), smoothed.
    """
    band, weight, dims = image.band, image.weight, mean.ndim
    sign = -1 if float((band * mean * weight).sum()) < 0 else 1
    way, seen = np.zeros((dims, *mean.shape), np.float32), mean
    for _ in range(STEPS):
        slopes, rest = np.gradient(seen), (sign * band - seen) * weight
        aims = np.stack([local(slope, rest, WINDOW) for slope in slopes], axis=-1)[..., None]
        products = np.empty((*aims.shape[:-1], dims), np.float32)
        for i in range(dims):
            for j in range(i + 1):
                products[..., i, j] = products[..., j, i] = local(slopes[i], slopes[j] * weight, WINDOW)
            products[..., i, i] += STILL
        step = np.clip(np.moveaxis(np.linalg.solve(products, aims)[..., 0], -1, 0), -MOST, MOST)
        way += _onto(step, 1 / thinning(mean.shape), mean.shape)
        way = np.stack([ndimage.gaussian_filter(along, SMOOTH) for along in way])
        seen = bent(mean, way)
    return way


def bent(mean: np.ndarray, way: np.ndarray) -> np.ndarray:
    """(*grid) band ``mean`` seen along ``way`` (d, *grid)."""
    places = way + np.indices(mean.shape, np.float32)
    return np.asarray(ndimage.map_coordinates(mean, places, order=1, mode="nearest"), np.float32)


def finer(way: np.ndarray, ratio: float, shape: tuple[int, ...]) -> np.ndarray:
    """``way`` on a grid of ``shape`` whose cells span ``ratio`` of a cell of its own."""
    return _onto(way / ratio, ratio, shape)


def _onto(way: np.ndarray, ratio: float, shape: tuple[int, ...]) -> np.ndarray:
    """``way`` (d, *grid) on a grid of ``shape`` with the same first corner, whose cells span ``ratio`` of its own."""
    if ratio == 1:
        return way
    offset = 0.5 * ratio - 0.5
    onto = [
        ndimage.affine_transform(a, [ratio] * len(shape), offset, output_shape=shape, order=1, mode="nearest")
        for a in way
    ]
    return np.stack(onto)
