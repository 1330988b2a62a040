"""What turns images into vectors of features, and where such extractors come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Extractor(Protocol):
    """A function from images to vectors of features.

    A row depends on its own image alone: not on the others of the call, nor on their order or number.

    Attributes
    ----------
    name
        What a person reads: ``VGG16 (ImageNet)``.
    fingerprint
        Hash of everything that decides a row: the weights, and how images are prepared for them.
    """

    @property
    def name(self) -> str:
        """What a person reads."""

    @property
    def fingerprint(self) -> str:
        """Hash of weights and preparation."""

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return (n, L) float32 rows of n ``images`` in [-1, 1] on a cohort's grid, 2D or 3D.

        L is the same in every call. The rows' scale means nothing: a dictionary brings each to length 1.
        """
