"""The mean image bent onto an image: what all images share also lies where no affine map brings it (a bowed neck)."""

from __future__ import annotations

import numpy as np

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.interpolation import pulled
from medsynth_desktop.similarity.disguised.structure import Structure, cholesky, local, thinning
from medsynth_desktop.similarity.disguised.windows import resampled, slopes, smoothed

WINDOW = 4.0
"""Cells, standard deviation, of the window whose borders tell one way."""
STEPS = 4
STILL = 0.05
"""Energy (bands have 1) that holds a place without borders where it is."""
MOST = 1.5
"""Cells that a place moves in a step, at most."""
SMOOTH = 2.0
"""Cells, standard deviation, by which the ways are smoothed: it bends, but draws nothing that is one's own."""


def flow(image: Structure, mean: np.ndarray, there: Affine) -> np.ndarray:
    """(d, *grid) cells by which a place of ``image`` moves to lie, mapped by ``there``, on its like in band ``mean``.

    Iterated least squares in windows (Lucas and Kanade 1981), smoothed.
    """
    band, weight, dims = image.band, image.weight, mean.ndim
    way = np.zeros((dims, *band.shape), np.float32)
    seen = bent(mean, way, there)
    sign = -1 if float((band * seen * weight).sum()) < 0 else 1
    for _ in range(STEPS):
        steep, rest = slopes(seen), (sign * band - seen) * weight
        corners = [(i, j) for i in range(dims) for j in range(i + 1)]
        weighted = steep * weight
        found = local([(one, rest) for one in steep] + [(steep[i], weighted[j]) for i, j in corners], WINDOW)
        products = dict(zip(corners, found[dims:], strict=True))
        for i in range(dims):
            products[i, i] += np.float32(STILL)
        step = np.clip(np.stack(_solved(products, list(found[:dims]))), -MOST, MOST)
        way += _onto(step, 1 / thinning(band.shape), band.shape)
        way = smoothed(way, SMOOTH, dims)
        seen = bent(mean, way, there)
    return way


def _solved(products: dict[tuple[int, int], np.ndarray], aims: list[np.ndarray]) -> list[np.ndarray]:
    """Solve the small systems of all places at once; ``products`` (i, j), i >= j, are positive definite."""
    factor, aims = cholesky(products, len(aims)), list(aims)
    for i in range(len(aims)):
        aims[i] = (aims[i] - sum(factor[i, k] * aims[k] for k in range(i))) / factor[i, i]
    for i in reversed(range(len(aims))):
        above = range(i + 1, len(aims))
        aims[i] = (aims[i] - sum(factor[k, i] * aims[k] for k in above)) / factor[i, i]
    return aims


def bent(mean: np.ndarray, way: np.ndarray, there: Affine) -> np.ndarray:
    """(*grid) what the band ``mean`` shows where ``there`` maps each place of a grid, moved by ``way`` (d, *grid)."""
    return pulled(there, mean, way.shape[1:], way=way)


def finer(way: np.ndarray, ratio: float, shape: tuple[int, ...]) -> np.ndarray:
    """``way`` on a grid of ``shape`` whose cells span ``ratio`` of a cell of its own."""
    return _onto(way / np.float32(ratio), ratio, shape)


def _onto(way: np.ndarray, ratio: float, shape: tuple[int, ...]) -> np.ndarray:
    """``way`` (d, *grid) on a grid of ``shape`` with the same first corner, whose cells span ``ratio`` of its own."""
    return way if ratio == 1 else resampled(way, ratio, shape, len(way))
