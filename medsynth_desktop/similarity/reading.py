"""The real images of a cohort: read one by one, measured once, compared voxel by voxel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import ImageRecord, Neighbour
from medsynth_desktop.similarity.bounds import Cohort, error_bound, held, padded, write_unit
from medsynth_desktop.similarity.exact import Moments, flatten, foresee, forget, likeness, moments
from medsynth_desktop.similarity.race import Look, Room

if TYPE_CHECKING:
    from medsynth_desktop.similarity.loops.bytewise import Bytes

BLOCK = 1 << 28
"""Bytes of a block of real images, and their number, at most: progress and cancel go block by block."""
MOST_IMAGES = 256
LOADING = 10
"""Cost of reading an image into a float32 row, in products of two such rows."""
LONG, LARGE = 8.0, 1e9
"""How much longer than the centred image one may be to be multiplied as it is, and its norm or one over it, at most."""


class RealImages:
    """Arrays of one shape and their records; memory maps and lazy sequences are read as they are needed.

    Attributes
    ----------
    shape, voxels
        Of each image.
    cohort
        Their patients, and their moments as far as they are known (NaN: not yet).
    """

    def __init__(self, images: Sequence[np.ndarray] | np.ndarray, records: Sequence[ImageRecord]) -> None:
        self._images, self._records = images, records
        self.shape = tuple(images[0].shape)
        self.voxels = math.prod(self.shape)
        names = sorted({record.patient for record in records})
        self._numbers = {patient: number for number, patient in enumerate(names)}
        patients = np.array([self._numbers[record.patient] for record in records])
        unknown = np.full((2, len(records)), np.nan)
        self.cohort = Cohort(patients, unknown[0], unknown[1], self.voxels)
        self._bytes: Bytes | None = None

    def know(self, means: np.ndarray, norms: np.ndarray) -> None:
        """Take over the moments of all images."""
        self.cohort.means[:], self.cohort.norms[:] = means, norms

    def apart_from(self, patient: str | None) -> np.ndarray:
        """(N,) bool: which images are not of ``patient``."""
        return np.asarray(self.cohort.patients != self._numbers.get(patient or "", -1))

    def look(
        self, queries: Sequence[np.ndarray], of: Sequence[Moments], pool: Executor, memory: int, device: str
    ) -> Look:
        """The way to look at all voxels, with a quarter of ``memory`` for a block of real images.

        In float32; on a CPU, so few images that one block takes all are held as whole numbers of one byte.
        """
        width, error = padded(self.voxels), error_bound(self.voxels)
        units = np.empty((len(queries), width), np.float32)
        list(pool.map(write_unit, queries, of, units))
        size = max(1, min(MOST_IMAGES, min(BLOCK, memory // 4) // (4 * width), len(self._records)))
        few = size == len(self._records) and device == "cpu"
        if few:
            return self._look_at_bytes(held(units, device), pool)
        room = Room(width)

        def rows(indices: np.ndarray) -> np.ndarray:
            block = room.of(len(indices))
            list(pool.map(self._load, indices.tolist(), block))
            return block

        return Look(
            held(units, device),
            self.voxels,
            rows,
            lambda query, indices: error * self._lengths(indices)[0],
            size,
            LOADING,
            lambda indices: self._lengths(indices)[1],
        )

    def _look_at_bytes(self, units: np.ndarray, pool: Executor) -> Look:
        """Through rows that are kept: a sampling loop asks for them again and again, and waits for memory."""
        # Here, for the window starts without numba.
        from medsynth_desktop.similarity.loops.bytewise import Bytes, byte_products

        if self._bytes is None:
            self._bytes = Bytes.of(len(self._records), self.voxels, self._load, pool)
        held, error = self._bytes, error_bound(self.voxels)

        def lost(_query: int, indices: np.ndarray) -> np.ndarray:
            length, per = self._lengths(indices)
            rounded = held.lost[indices] * per
            return np.asarray(error * (length + rounded) + rounded)

        return Look(
            units,
            self.voxels,
            lambda indices: held.rows if len(indices) == len(held.rows) else held.rows[indices],
            lost,
            len(held.rows),
            scale=lambda indices: held.scales[indices] * self._lengths(indices)[1],
            multiply=byte_products,
        )

    def foresee(self, indices: Sequence[int]) -> None:
        """Say that these images will be asked for: they are read from the disk meanwhile."""
        for index in indices:
            foresee(self._images[index])

    def likenesses(
        self, queries: Sequence[np.ndarray], of: Sequence[Moments], index: int, which: Sequence[int]
    ) -> list[Neighbour]:
        """Exact values of one real image, measured before, with the queries at ``which``."""
        image, record = self._images[index], self._records[index]
        voxels, own = flatten(checked(image, self.shape, record)), self._moments(index)
        values = [likeness(queries[query], voxels, of[query], own) for query in which]
        forget(image)
        return [Neighbour(record.id, record.patient, rmse, correlation) for rmse, correlation in values]

    def _lengths(self, indices: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
        """Of rows that were loaded: their norms over those of the centred images, and what makes these one."""
        means, norms = self.cohort.means[indices], self.cohort.norms[indices]
        with np.errstate(over="ignore"):
            length = np.sqrt(1 + self.voxels * (means / norms) ** 2)
        plain = (length < LONG) & (norms > 1 / LARGE) & (norms < LARGE)
        return np.where(plain, length, 1.0), np.where(plain, 1 / norms, 1.0)

    def _load(self, index: int, row: np.ndarray) -> None:
        """Write one real image into ``row``: as it is, for queries are centred; or centred and of unit norm.

        By Cauchy-Schwarz the error of a product with a unit vector grows as the norm of what is not centred: so only
        where that is not much longer.
        """
        image, record = self._images[index], self._records[index]
        voxels = flatten(checked(image, self.shape, record))
        if math.isnan(self.cohort.norms[index]):
            own = moments(voxels, f"Real image {record.id}")
            self.cohort.means[index], self.cohort.norms[index] = own.mean, own.norm
        if self._lengths(index)[1] == 1:
            write_unit(voxels, self._moments(index), row)
        else:
            row[: voxels.size], row[voxels.size :] = voxels, 0
        forget(image)

    def _moments(self, index: int) -> Moments:
        return Moments(float(self.cohort.means[index]), float(self.cohort.norms[index]))


def checked(image: np.ndarray, shape: tuple[int, ...], record: ImageRecord) -> np.ndarray:
    """Return the real ``image`` if it has ``shape``.

    Raises
    ------
    InputRefused
        Where it has another.
    """
    if tuple(image.shape) != shape:
        raise InputRefused(
            f"Real image {record.id} has shape {tuple(image.shape)}, others have {shape}; "
            "import the cohort again."
        )
    return image
