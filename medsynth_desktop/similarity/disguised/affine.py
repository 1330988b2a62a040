"""Affine maps between the voxels of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.similarity.disguised.interpolation import linear, nearest


@dataclass(frozen=True, slots=True)
class Affine:
    """``x -> matrix @ x + offset``, for (d,) or (n, d) coordinates in voxels."""

    matrix: np.ndarray
    offset: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Map ``points``."""
        return np.asarray(points @ self.matrix.T + self.offset)

    @classmethod
    def none(cls, dims: int) -> Affine:
        """The map that leaves everything in its place."""
        return cls(np.eye(dims), np.zeros(dims))

    @classmethod
    def about(cls, matrix: np.ndarray, shape: tuple[int, ...]) -> Affine:
        """``matrix`` about the centre of an image of ``shape``."""
        centre = (np.array(shape) - 1) / 2
        return cls(matrix, centre - matrix @ centre)

    def then(self, other: Affine) -> Affine:
        """First this map, then ``other``."""
        return Affine(other.matrix @ self.matrix, other(self.offset))

    def inverse(self) -> Affine:
        """The map back."""
        back = np.linalg.inv(self.matrix)
        return Affine(back, -back @ self.offset)

    def in_cells(self, step: int) -> Affine:
        """The same map for cells of ``step`` voxels, as `medsynth_desktop.similarity.disguised.structure` has them."""
        half = np.full(len(self.offset), (step - 1) / 2)
        return Affine(self.matrix, (self(half) - half) / step)

    def from_cells(self, step: int) -> Affine:
        """The map of voxels, where this one is of cells of ``step`` voxels."""
        half = np.full(len(self.offset), (step - 1) / 2)
        return Affine(self.matrix, step * self.offset + half - self.matrix @ half)

    def pull(
        self, image: np.ndarray, shape: tuple[int, ...], fill: float = 0.0, order: int = 1
    ) -> np.ndarray:
        """Array of ``shape`` that shows at each x what ``image`` shows at the mapped place; outside ``fill``.

        ``order`` 1 interpolates between cells, 0 takes the nearest.
        """
        if np.array_equal(self.matrix, np.eye(len(shape))) and not self.offset.any() and image.shape == shape:
            return image
        return (linear if order else nearest)(image, self._cells(shape), fill)

    def _cells(self, shape: tuple[int, ...]) -> np.ndarray:
        """(d, *shape) float32 where the cells of a grid of ``shape`` lie: as `places`, with half the work."""
        found = np.empty((len(shape), *shape), np.float32)
        axes = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij", sparse=True)
        for factors, start, out in zip(self.matrix, self.offset, found, strict=True):
            *some, last = (np.float32(f) * axis for f, axis in zip(factors, axes, strict=True))
            np.add(sum(some, np.float32(start)), last, out=out)
        return found

    def places(self, places: np.ndarray) -> np.ndarray:
        """Map (d, *shape) float32 ``places``."""
        moved = self.matrix.astype(np.float32) @ places.reshape(len(places), -1)
        moved += self.offset.astype(np.float32)[:, None]
        return np.asarray(moved.reshape(places.shape))
