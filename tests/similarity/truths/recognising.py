"""A recogniser that can be checked by hand, asked about the axes of a plane."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import Nearest
from medsynth_desktop.similarity.identity import IdentitySearch
from tests.similarity.truths import records

AXES = ((1, 0), (0, 1), (-1, 0))


class FirstVoxels:
    """Embeds an image by its first two voxels, and takes 1 less half their distance for the probability."""

    def __init__(self, fingerprint: str = "first") -> None:
        self.grid, self.fingerprint, self.seen = (2, 2), fingerprint, 0

    def embed(self, images: Sequence[np.ndarray]) -> np.ndarray:
        self.seen += len(images)
        return np.array([image.reshape(-1)[:2] for image in images], np.float32)

    def same(self, query: np.ndarray, others: np.ndarray) -> np.ndarray:
        return 1 - 0.5 * np.linalg.norm(others - query.astype(np.float64), axis=1)


def image(one: float, two: float) -> np.ndarray:
    """A 2x2 image that is embedded as (``one``, ``two``)."""
    return np.array([[one, two], [0.5, -0.5]], np.float32)


def of(one: float, two: float) -> Callable[[], Nearest]:
    """Ask whom (``one``, ``two``) shows, of patients A, B and C on the axes."""

    def measure() -> Nearest:
        search = IdentitySearch(FirstVoxels(), [image(*axis) for axis in AXES], records("ABC"))
        return drain(search.testify([("q", image(one, two))], [Nearest("q", (), math.nan)]))[0]

    return measure
