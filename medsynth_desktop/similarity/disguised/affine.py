"""Affine maps between the voxels of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
