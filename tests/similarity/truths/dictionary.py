"""Distance to the nearest of the vectors (1, 0), (0, 1), (-1, 0), each brought to length 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import Nearest
from medsynth_desktop.similarity.features.dictionary import FeatureDictionary
from tests.similarity.truths import Truth, four, records


class FirstTwo:
    """Sees of an image its first two pixels."""

    name, fingerprint = "the first two pixels", "first-two"

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """(n, 2) float32."""
        return np.stack([np.asarray(image, np.float32).ravel()[:2] for image in images])


def seen(x: float, y: float) -> Callable[[], Nearest]:
    """Look up a query whose first two pixels are ``x`` and ``y``."""

    def measure() -> Nearest:
        real = [np.array([[a, b], [0, 0]], np.float32) for a, b in ((1, 0), (0, 1), (-1, 0))]
        query = [("q", np.array([[x, y], [0, 0]], np.float32))]
        witness = FeatureDictionary(FirstTwo(), real, records("ABC"))
        return drain(witness.testify(query, [Nearest("q", (), float("nan"))]))[0]

    return measure


def nearly(words: str, x: float, y: float, value: float) -> Truth:
    """A row whose value is known by hand, to the digits of float32 vectors."""
    return Truth(words, seen(x, y), value - 1e-6, value + 1e-6)


TRUTHS = [
    nearly("itself", 1, 0, 0.0),
    nearly("half as long: the direction counts", 0, 0.5, 0.0),
    nearly("three, four, five: (0.6, 0.8) less (0, 1) is sqrt(0.36 + 0.04)", 0.75, 1, 0.4**0.5),
    nearly("half way between two: sqrt(2 - sqrt(2))", 0.5, 0.5, (2 - 2**0.5) ** 0.5),
    nearly("opposite to one, across the others: sqrt(2)", 0, -1, 2**0.5),
    Truth("no dictionary was asked", four((1, -1, 0, 0), (1, -1, 0, 0)), float("nan"), float("nan")),
]
