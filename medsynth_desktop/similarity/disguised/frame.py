"""One pose for all images of a cohort: the mean of its real images, and the map that brings any image onto it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from medsynth_desktop.core.progress import Steps
from medsynth_desktop.similarity.bounds import one_thread_each
from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.alignment import fit, refine
from medsynth_desktop.similarity.disguised.interpolation import pulled
from medsynth_desktop.similarity.disguised.structure import (
    COARSE,
    FINE,
    MIDDLE,
    REST,
    Structure,
    around,
    outside,
    structure_of,
)
from medsynth_desktop.similarity.disguised.votes import Places
from medsynth_desktop.similarity.disguised.waiting import each

LEARNT_FROM, ROUNDS = 48, 2
"""Real images whose mean is the frame, at most, and how often they are brought onto it."""
PLACING = 6
"""Steps of a refinement onto the frame: a cell is near enough, for blocks are looked for around their place."""
MESSAGE = "Finding the mean image, once"
CROPPED = 0.75
"""Scale of an image that was cut to three quarters and enlarged."""
FEW = 4
"""Fewer images have nothing in common that could be told from what is one's own."""


class Frame:
    """The pose of ``mean``, an image that shows what ``count`` images have in common."""

    def __init__(self, mean: np.ndarray, count: int) -> None:
        self.shape = mean.shape
        self.few = count < FEW
        self.structure = structure_of(mean, MIDDLE)
        self._fine = structure_of(mean, FINE)
        self._places = Places(structure_of(mean, COARSE))

    @property
    def step(self) -> int:
        """Voxels that one cell of a canonical structure spans."""
        return self.structure.step

    def place(self, image: np.ndarray, middle: Structure) -> tuple[Affine, float]:
        """The map from voxels of the frame to those of ``image``, and how alike they are then (0 to 1).

        ``middle`` is the image's structure in `MIDDLE` cells.
        """
        coarse = structure_of(image, COARSE)
        start = fit(self._places.find_in(coarse), coarse.step)
        made, alike = refine(self.structure, middle, start, steps=PLACING)
        return made, abs(alike)

    def place_any(self, image: np.ndarray, middle: Structure, usual: float) -> tuple[Affine, bool]:
        """The map of `place`, also for an image that was cut and enlarged, and whether it may have been.

        That is so, and tried, where the image is less alike than ``usual``, as most real images are.
        """
        found = [self.place(image, middle)]
        if found[0][1] >= usual:
            return found[0][0], False
        shrunken = Affine.about(np.eye(image.ndim) / CROPPED, image.shape)
        smaller = pulled(shrunken, image, image.shape, outside(image))
        made, alike = self.place(smaller, structure_of(smaller, MIDDLE))
        found.append((made.then(shrunken), alike))
        return max(found, key=lambda f: f[1])[0], True

    def moved(self, small: np.ndarray, move: Affine) -> Structure:
        """The structure of an image, shrunk to `MIDDLE` cells, seen through ``move`` of voxels of the frame's grid."""
        return structure_of(pulled(move.in_cells(self.step), small, small.shape, outside(small)), MIDDLE)

    def own(self, seen: Structure, move: Affine, placed: Affine) -> Structure:
        """``seen``, the structure of an image `moved` by ``move``, less what the mean explains of it around each cell.

        Both maps are from voxels of the frame's grid to the image's; ``placed`` is where the mean lies in it.
        """
        if self.few:
            return seen
        there = move.then(placed.inverse()).in_cells(self.step)
        mean = pulled(there, self.structure.band, seen.band.shape)
        return replace(seen, band=seen.band - mean * (around(seen.band, mean) / (around(mean, mean) + REST)))

    def band(self, step: int) -> np.ndarray:
        """The band of the mean image, in cells of ``step`` voxels: the middle or the finest."""
        return self._fine.band if step == self._fine.step else self.structure.band


def make_mean(images: Sequence[np.ndarray], pool: Executor) -> Steps[np.ndarray]:
    """The mean of ``images``, each brought onto the mean before: float32 of their shape."""
    count = len(images)

    def upright(image: np.ndarray) -> np.ndarray:
        return np.asarray(image, np.float32)

    total = upright(images[0]).astype(np.float64)
    for image in images[1:]:
        total += upright(image)
    for number in range(ROUNDS):
        frame = Frame((total / count).astype(np.float32), count)

        def moved(image: np.ndarray) -> np.ndarray:
            image = upright(image)
            placed, _ = frame.place(image, structure_of(image, MIDDLE))  # noqa: B023
            return pulled(placed, image, frame.shape, outside(image))  # noqa: B023

        total = np.zeros(frame.shape)
        for start in range(0, count, 8):
            with one_thread_each():
                some = images[start : start + 8]
                found = yield from each(pool, moved, some, number * count + start, ROUNDS * count, MESSAGE)
            for image in found:
                total += image
    return np.asarray(total / count, np.float32)
