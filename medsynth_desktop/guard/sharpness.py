"""Unseen patients as soft as a model's samples are.

Smoothing brings any image nearer to every other: innocent real heads blurred by one voxel reach higher correlations and
smaller RMSEs than sharp ones ever do. A decoder smooths too, so limits from sharp unseen images hold back innocent
samples. Limits from unseen images of the samples' own softness do not, and a copy stays beyond them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from medsynth_desktop.core.progress import Progress, Steps, drain

MOST_BLUR = 8.0
"""Standard deviation in voxels beyond which nothing of an organ is left."""
LEAST_BLUR = 0.2
"""Below this a voxel's neighbour weighs exp(-1 / 0.08), under 4 millionths: nothing that a limit could tell."""
STEPS = 12
"""Bisections: 8 voxels / 2^12 is finer than any image tells."""
MOST_IMAGES = 12
"""Images of either side that are measured; softness differs little within a side."""


class Blur:
    """A Gaussian blur of ``sigma`` voxels, for `medsynth_desktop.guard.calibration.calibrate`."""

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return ``image`` blurred, float32."""
        from scipy import ndimage  # here, for the window reads this room before it is drawn

        image = np.asarray(image, np.float32)
        return image if self.sigma == 0 else np.asarray(ndimage.gaussian_filter(image, self.sigma))

    def __str__(self) -> str:
        """Say what is done to the unseen images."""
        return f"blurred by {self.sigma:.2f} voxels to be as soft as the model's samples"


def roughness(image: np.ndarray) -> float:
    """Return the mean squared difference of neighbours over the variance, summed over axes: small where soft.

    No change of brightness or contrast alters it. NaN for an image of one value, which is neither soft nor sharp.
    """
    values = np.asarray(image, np.float64)
    steps = sum(float((np.diff(values, axis=axis) ** 2).mean()) for axis in range(values.ndim))
    spread = float(values.var())
    return steps / spread if spread > 0 else math.nan


def match_softness(batch: Sequence[np.ndarray], unseen: Sequence[np.ndarray]) -> Blur:
    """Find the blur that makes ``unseen`` images as soft as ``batch`` (medians; none where they are softer)."""
    return drain(softness_steps(batch, unseen))


def softness_steps(batch: Sequence[np.ndarray], unseen: Sequence[np.ndarray]) -> Steps[Blur]:
    """As `match_softness`, for a job that can be cancelled."""
    aim = _median_roughness(batch, Blur(0))
    if not _median_roughness(unseen, Blur(0)) > aim:
        return Blur(0)
    low, high = 0.0, MOST_BLUR
    for step in range(STEPS):
        yield Progress(step, STEPS, "Measuring how soft the samples are")
        middle = (low + high) / 2
        if _median_roughness(unseen, Blur(middle)) > aim:
            low = middle
        else:
            high = middle
    return Blur(high)


def _median_roughness(images: Sequence[np.ndarray], blur: Blur) -> float:
    """NaN where no image has contrast, or there is none."""
    chosen = np.linspace(0, len(images) - 1, min(MOST_IMAGES, len(images))).round().astype(int)
    found = [value for index in chosen if math.isfinite(value := roughness(blur(images[index])))]
    return float(np.median(found)) if found else math.nan
