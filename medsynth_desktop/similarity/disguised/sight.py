"""A query seen from one side, with what is needed of it for every real image that is laid over it: worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from medsynth_desktop.similarity.disguised.flow import bent, finer, flow
from medsynth_desktop.similarity.disguised.frame import Frame
from medsynth_desktop.similarity.disguised.structure import (
    MIDDLE,
    REST,
    Structure,
    cholesky,
    local,
    structure_of,
    within,
)
from medsynth_desktop.similarity.disguised.windows import slopes

T = TypeVar("T")


@dataclass(frozen=True)
class Seen:
    """A query at one resolution.

    Attributes
    ----------
    structure
        Its borders.
    common
        (*grid) bands of what it shares with every image: the mean image's, where it lies in the query, and that band's
        slopes, as every image's outlines lie a little beside the mean's.
    factor
        (i, j), i >= j: (*thinned grid) the Cholesky factor of the local products of ``common``.
    explained
        (*thinned grid) for each of ``common``, made orthogonal: what it explains of the query.
    own
        (*thinned grid) local energy of what they leave of it.
    """

    structure: Structure
    common: list[np.ndarray]
    factor: dict[tuple[int, int], np.ndarray]
    explained: list[np.ndarray]
    own: np.ndarray

    @classmethod
    def of(cls, structure: Structure, mean: np.ndarray) -> Seen:
        """Work out the energies; ``mean`` is the band of the mean image."""
        common: list[np.ndarray] = [mean, *slopes(mean)]
        corners = [(i, j) for i in range(len(common)) for j in range(i + 1)]
        band = structure.band
        pairs = [(common[i], common[j]) for i, j in corners] + [(one, band) for one in [*common, band]]
        found = local(pairs)
        factor = cholesky(dict(zip(corners, found, strict=False)), len(common), REST)
        seen = cls(structure, common, factor, [], np.empty(0))
        explained, energy = seen.explained_of(found[len(corners) : -1]), found[-1]
        own = energy - sum(part**2 for part in explained)
        return replace(seen, explained=explained, own=np.maximum(own, 0))

    def explained_of(self, products: Iterable[np.ndarray]) -> list[np.ndarray]:
        """(*thinned grid) for each of ``common``, made orthogonal: what it explains of a band.

        ``products`` are the band's local ones with each of ``common``.
        """
        parts: list[np.ndarray] = []
        for i, product in enumerate(products):
            rest = product - sum(self.factor[i, k] * parts[k] for k in range(i))
            parts.append(rest / self.factor[i, i])
        return parts


class Sight:
    """A query from one side: as it is (1), or mirrored (-1).

    Attributes
    ----------
    image
        Its voxels, from that side.
    middle
        Its structure in `MIDDLE` cells.
    placed
        The map from voxels of the frame to its own.
    cut
        Whether it may have been cut and enlarged: it is less alike to the frame than is usual.
    """

    def __init__(self, image: np.ndarray, side: int, frame: Frame, usual: float) -> None:
        self.image = image if side > 0 else image[::-1]
        self.middle = structure_of(self.image, MIDDLE)
        self.placed, self.cut = frame.place_any(self.image, self.middle, usual)
        self._frame = frame
        self._known: dict[tuple[str, int], Any] = {}

    def structure(self, cells: dict[int, int]) -> Structure:
        """Its structure with ``cells`` along its longest axis, at most."""
        return self._once("structure", cells, self._structure)

    def mean(self, cells: dict[int, int]) -> np.ndarray:
        """The band of the mean image where it lies in the query, bent onto it."""
        return self._once("mean", cells, self._mean)

    def at(self, cells: dict[int, int]) -> Seen:
        """All of it."""
        return self._once("seen", cells, lambda cells: Seen.of(self.structure(cells), self.mean(cells)))

    def _once(self, what: str, cells: dict[int, int], make: Callable[[dict[int, int]], T]) -> T:
        """What was made before."""
        key = what, cells[self.image.ndim]
        if key not in self._known:
            self._known[key] = make(cells)
        made: T = self._known[key]
        return made

    def _structure(self, cells: dict[int, int]) -> Structure:
        return within(self.middle if cells is MIDDLE else structure_of(self.image, cells))

    def _mean(self, cells: dict[int, int]) -> np.ndarray:
        structure, back, frame = self.structure(cells), self.placed.inverse(), self._frame
        if frame.few:
            return np.zeros_like(structure.band)
        way = finer(
            self._once("way", MIDDLE, self._way), structure.step / self.middle.step, structure.band.shape
        )
        return bent(frame.band(structure.step), way, back.in_cells(structure.step))

    def _way(self, cells: dict[int, int]) -> np.ndarray:
        step = self.middle.step
        return flow(self.structure(cells), self._frame.band(step), self.placed.inverse().in_cells(step))
