"""A query seen from one side, with what is needed of it for every real image that is laid over it: worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np
from scipy import ndimage

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.frame import Frame
from medsynth_desktop.similarity.disguised.structure import Structure, structure_of, within

LOCAL = 3.0
"""Cells, standard deviation, of the window in which images are compared."""
REST = 0.05
"""Energy (bands have 1) added to all energies: where nothing departs from the mean, nothing is alike."""


def local(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean product of two bands around each cell."""
    return np.asarray(ndimage.gaussian_filter(a * b, LOCAL, truncate=3.0))


@dataclass(frozen=True)
class Seen:
    """A query at one resolution.

    Attributes
    ----------
    structure
        Its borders.
    common
        (*grid) the band of the mean image, where it lies in the query: what it shares with every image.
    explained, with_common, own
        (*grid) local energies: of ``common``, of both together, and of what ``common`` leaves of the query.
    """

    structure: Structure
    common: np.ndarray
    explained: np.ndarray
    with_common: np.ndarray
    own: np.ndarray

    @classmethod
    def of(cls, structure: Structure, common: np.ndarray) -> Seen:
        """Work out the energies."""
        explained = local(common, common) + REST
        with_common = local(structure.band, common)
        own = np.maximum(local(structure.band, structure.band) - with_common**2 / explained, 0)
        return cls(structure, common, explained, with_common, own)


class Sight:
    """A query from one side: as it is (1), or mirrored (-1).

    Attributes
    ----------
    image
        Its voxels, from that side.
    placed
        The map from voxels of the frame to its own.
    """

    def __init__(self, image: np.ndarray, side: int, frame: Frame, usual: float) -> None:
        self.side = side
        self.image = image if side > 0 else image[::-1]
        self.placed: Affine = frame.place_any(self.image, usual)
        self._frame = frame
        self._seen: dict[int, Seen] = {}
        self._lock = Lock()

    def at(self, cells: dict[int, int]) -> Seen:
        """The query with ``cells`` along its longest axis, at most."""
        most = cells[self.image.ndim]
        with self._lock:  # what two overlays need is worked out once
            if most not in self._seen:
                structure = within(structure_of(self.image, cells))
                self._seen[most] = Seen.of(structure, self._frame.band_in(structure, self.placed))
            return self._seen[most]
