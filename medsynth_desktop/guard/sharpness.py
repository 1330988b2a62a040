"""Unseen patients as soft as a batch is.

Smoothing brings any image nearer to every other: innocent real heads blurred by one voxel reach higher correlations and
smaller RMSEs than sharp ones ever do. A decoder smooths too, so limits from sharp unseen images hold back innocent
samples. Limits from unseen images of the batch's own softness do not, and a copy stays beyond them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

MOST_BLUR = 8.0
"""Standard deviation in voxels beyond which nothing of an organ is left."""
STEPS = 24
"""Bisections: 8 voxels / 2^24 is far finer than any image tells."""
MOST_IMAGES = 12
"""Images of either side that are measured; softness differs little within a side."""


class Blur:
    """A Gaussian blur of ``sigma`` voxels, for `medsynth_desktop.guard.calibration.calibrate`."""

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return ``image`` blurred, float32."""
        image = np.asarray(image, np.float32)
        return image if self.sigma == 0 else np.asarray(ndimage.gaussian_filter(image, self.sigma))

    def __str__(self) -> str:
        """Say what is done to the unseen images."""
        return f"blurred by {self.sigma:.2f} voxels to be as soft as the batch"


def roughness(image: np.ndarray) -> float:
    """Return the mean squared difference of neighbours over the variance, summed over axes: small where soft.

    No change of brightness or contrast alters it.
    """
    values = np.asarray(image, np.float64)
    steps = sum(float((np.diff(values, axis=axis) ** 2).mean()) for axis in range(values.ndim))
    return steps / float(values.var())


def match_softness(batch: Sequence[np.ndarray], unseen: Sequence[np.ndarray]) -> Blur:
    """Find the blur that makes ``unseen`` images as soft as ``batch`` (medians; none where they are softer)."""
    aim = _median_roughness(batch, Blur(0))
    if not len(unseen) or _median_roughness(unseen, Blur(0)) <= aim:
        return Blur(0)
    low, high = 0.0, MOST_BLUR
    for _ in range(STEPS):
        middle = (low + high) / 2
        if _median_roughness(unseen, Blur(middle)) > aim:
            low = middle
        else:
            high = middle
    return Blur(high)


def _median_roughness(images: Sequence[np.ndarray], blur: Blur) -> float:
    chosen = np.linspace(0, len(images) - 1, min(MOST_IMAGES, len(images))).round().astype(int)
    return float(np.median([roughness(blur(images[index])) for index in chosen]))
