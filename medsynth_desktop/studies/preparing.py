"""What is done to every image of a study, alike for real and synthetic ones, before a reader sees it.

Conformed images share grid and float32 already, but not what lies at the ends of their range: outside the field of
view a real image is exactly -1 and a drawn one nearly so; a real image was clipped at its own percentiles, a drawn one
never reaches its end. All images are therefore cut to one range that every one of them reaches at both ends, and go
out in equal steps of one integer type.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.errors import InputRefused

LEVELS = 4095
"""Grey levels less one: 12 bits, so that fine steps of intensity tell no origin."""
FLOOR, CEILING = 0.02, 0.98
"""Shares of the range below and above which nothing is told apart: air that a model draws as nearly air."""
ENDS = (0.001, 0.999)
"""Quantiles of every image that lie at or beyond the ends of the common range."""
NARROW = 0.5
"""A common range below this share of the whole shows too little."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """From a conformed image to what is shown.

    Attributes
    ----------
    grid
        Shape of every image, 2 or 3 axes.
    affine
        Voxel to patient millimetres (RAS), 4 rows of 4.
    low, high
        Conformed intensities, in -1 to 1, that become the first and the last grey level.
    unit, modality, spaced
        As of `core.volume.Volume`.
    values
        What the first and the last grey level mean in ``unit``.
    window
        Centre and width in ``unit`` that every case begins with.
    """

    grid: tuple[int, ...] = ()
    affine: tuple[tuple[float, ...], ...] = ()
    low: float = -1.0
    high: float = 1.0
    unit: str = ""
    modality: str = "OT"
    spaced: bool = True
    values: tuple[float, float] = (0.0, float(LEVELS))
    window: tuple[float, float] = (LEVELS / 2, float(LEVELS))


class CommonRange:
    """The range, within -1 to 1, that every one of the conformed images added reaches at both ends."""

    def __init__(self) -> None:
        self._low, self._high = 2 * FLOOR - 1, 2 * CEILING - 1
        self._grid: tuple[int, ...] | None = None

    def add(self, image: np.ndarray) -> None:
        """Take one more image into account.

        Raises
        ------
        InputRefused
            When its grid is another, or a value is not finite or outside [-1, 1].
        """
        self._grid = self._grid or image.shape
        if image.shape != self._grid:
            raise InputRefused(
                f"All cases of a study share one grid; got {self._grid} and {image.shape}. Conform them to one."
            )
        _check_values(image)
        first, last = (float(q) for q in np.quantile(image, ENDS))
        self._low, self._high = max(self._low, first), min(self._high, last)

    def ends(self) -> tuple[float, float]:
        """Both ends.

        Raises
        ------
        InputRefused
            When they span too little of the range to show what is to be judged.
        """
        if self._high - self._low < 2 * NARROW:
            raise InputRefused(
                f"The cases share only {max(0.0, (self._high - self._low) / 2):.0%} of the range of grey; expected at "
                f"least {NARROW:.0%}. Leave out the cases that are nearly uniform."
            )
        return self._low, self._high


def prepare(image: np.ndarray, preparation: Preparation) -> np.ndarray:
    """Bring a conformed image to int16 levels 0 to 4095, the common range from end to end.

    Raises
    ------
    InputRefused
        When it has another grid, or a value that is not finite or outside [-1, 1].
    """
    if image.shape != tuple(preparation.grid):
        raise InputRefused(
            f"All cases of a study share one grid; got {image.shape}, expected {preparation.grid}. Conform them to one."
        )
    _check_values(image)
    low, high = preparation.low, preparation.high
    share = (np.clip(np.asarray(image, np.float64), low, high) - low) / (high - low)
    return np.ascontiguousarray(np.rint(share * LEVELS).astype("<i2"))


def _check_values(image: np.ndarray) -> None:
    if not np.isfinite(image).all() or np.abs(image).max(initial=0) > 1:
        raise InputRefused("A case holds values that are not in -1 to 1. Conform it as its cohort was.")
