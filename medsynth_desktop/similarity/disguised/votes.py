"""Where places of one image lie in another: each looks for its like, and neighbours must agree on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.similarity.disguised.structure import Structure, describe
from medsynth_desktop.similarity.loops.compiled import compiled

STRIDE = 2
"""Cells between the places that are searched."""
WIDTH = 48
"""Numbers that are kept of a description."""
PLACES = 400
"""Places that look for their like, at most."""
LEAST = 0.3
"""Weight below which a place has too little structure to be described."""
WINDOW = 8
"""Cells along each axis within which a place looks: shift, turn and scale together."""
FRIENDS, AGREED = 8, 2.0
"""Nearest other places, and the cells within which their ways must be alike."""


def distances(points: np.ndarray) -> np.ndarray:
    """(n, n) between (n, d) points."""
    squares = (points**2).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0)))


@dataclass(frozen=True, slots=True)
class Matches:
    """Of each of n places its like in another image.

    ``places`` and ``found`` are (n, d) in voxels; ``support`` (n,) how alike they are times the share of
    neighbours that agree.
    """

    places: np.ndarray
    found: np.ndarray
    support: np.ndarray


class Places:
    """Places of an image that look for their like in others, evenly spread over its structure."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        least = min(LEAST, float(np.quantile(structure.weight, 0.5)))
        cells = np.argwhere(structure.weight >= least)
        self.cells = cells[np.random.default_rng(0).permutation(len(cells))[:PLACES]]
        apart = distances(self.cells)
        self._friends = np.argsort(apart, axis=1, kind="stable")[:, 1 : FRIENDS + 1]
        raw = describe(structure, self.cells)
        self._mean = raw.mean(axis=0, dtype=np.float64).astype(np.float32)
        values, vectors = np.linalg.eigh(np.cov((raw - self._mean).T, dtype=np.float64))
        best = np.argsort(values)[::-1][:WIDTH]
        basis = vectors[:, best] / (values[best] + 0.02 * values[best[0]]) ** 0.5
        self._basis = basis.astype(np.float32)
        self._rows = self._project(raw)

    def _project(self, raw: np.ndarray) -> np.ndarray:
        """(n, WIDTH) float32 rows of unit length."""
        rows = (raw - self._mean) @ self._basis
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)

    def find_in(self, other: Structure) -> Matches:
        """Look for every place in ``other``, an image of the same grid."""
        axes = [np.arange(0, n, STRIDE) for n in other.band.shape]
        lattice = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, other.band.ndim)
        lattice = lattice[other.weight[tuple(lattice.T)] > LEAST / 2]
        if not len(lattice):
            lattice = np.zeros((1, other.band.ndim), int)
        products = self._rows @ self._project(describe(other, lattice)).T
        found = np.empty(len(products), np.int64)
        _likest_near(products, self.cells, lattice, WINDOW, found)
        alike = products[np.arange(len(found)), found]
        way = lattice[found] - self.cells
        apart = np.linalg.norm(way[self._friends] - way[:, None], axis=2)
        support = np.maximum(alike, 0) ** 2 * (apart <= AGREED).mean(axis=1)
        return Matches(self.structure.voxel(self.cells), other.voxel(lattice[found]), support)


@compiled
def _likest_near(
    products: np.ndarray, places: np.ndarray, others: np.ndarray, window: int, found: np.ndarray
) -> None:
    """Write the likest of ``others`` (L, d) for each of ``places`` (n, d), by their ``products`` (n, L).

    Nearer than ``window`` along all axes, or else along as many as any other is.
    """
    for place in range(len(places)):
        best = np.float32(-np.inf)
        for other in range(len(others)):
            alike = products[place, other]
            if alike <= best:
                continue
            for axis in range(places.shape[1]):
                if abs(places[place, axis] - others[other, axis]) > window:
                    alike -= np.float32(2)
            if alike > best:
                best, found[place] = alike, other
