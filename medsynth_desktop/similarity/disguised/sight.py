"""A query seen from one side, with what is needed of it for every real image that is laid over it: worked out once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from medsynth_desktop.similarity.disguised.affine import Affine
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
        common: list[np.ndarray] = [mean, *np.gradient(mean)]
        size = len(common)
        products = {(i, j): local(common[i], common[j]) for i in range(size) for j in range(i + 1)}
        factor = cholesky(products, size, REST)
        made = cls(structure, common, factor, [], np.empty(0))
        explained = made.explains(structure.band)
        own = local(structure.band, structure.band) - sum(part**2 for part in explained)
        return replace(made, explained=explained, own=np.maximum(own, 0))

    def explains(self, band: np.ndarray) -> list[np.ndarray]:
        """(*thinned grid) for each of ``common``, made orthogonal: what it explains of ``band``."""
        parts: list[np.ndarray] = []
        for i, one in enumerate(self.common):
            rest = local(band, one) - sum(self.factor[i, k] * parts[k] for k in range(i))
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
    """

    def __init__(self, image: np.ndarray, side: int, frame: Frame, usual: float) -> None:
        self.side = side
        self.image = image if side > 0 else image[::-1]
        self.middle = structure_of(self.image, MIDDLE)
        self.placed: Affine = frame.place_any(self.image, self.middle, usual)
        self._frame = frame
        self._seen: dict[int, Seen] = {}
        self._way: np.ndarray | None = None
        self._lock = Lock()

    def at(self, cells: dict[int, int]) -> Seen:
        """The query with ``cells`` along its longest axis, at most."""
        most = cells[self.image.ndim]
        with self._lock:  # what two overlays need is worked out once
            if most not in self._seen:
                structure = within(self.middle if cells is MIDDLE else structure_of(self.image, cells))
                self._seen[most] = Seen.of(structure, self._mean_in(structure))
            return self._seen[most]

    def _mean_in(self, structure: Structure) -> np.ndarray:
        """The band of the mean image where it lies in the query, bent onto it."""
        back, frame = self.placed.inverse(), self._frame
        if frame.few:
            return np.zeros_like(structure.band)
        if self._way is None:
            step = self.middle.step
            self._way = flow(within(self.middle), frame.band(step), back.in_cells(step))
        way = finer(self._way, structure.step / self.middle.step, structure.band.shape)
        return bent(frame.band(structure.step), way, back.in_cells(structure.step))
