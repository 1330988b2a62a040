"""What is done to every image of a study, alike for real and synthetic ones, before a reader sees it.

Conformed images share grid and float32 already, but not what lies at the ends of their range: outside the field of
view a real image is exactly -1 and a drawn one nearly so; a real image was clipped at its own percentiles, a drawn one
never reaches its end. All images are therefore cut to one range that every one of them reaches at both ends, lose as
many outermost rows and slices as are empty in any of them, and go out in equal steps of one integer type.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.errors import InputRefused

LEVELS = 4095
"""Grey levels less one: 12 bits, so that fine steps of intensity tell no origin."""
FLOOR, CEILING = 0.02, 0.98
"""Shares of the range below and above which nothing is told apart: air that a model draws as nearly air."""
MOST_TRIMMED = 16
"""At most one in so many rows or slices is taken from each side: beyond that anatomy would go."""
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
        Shape of every conformed image, 2 or 3 axes.
    affine
        Voxel of what is shown to patient millimetres (RAS), 4 rows of 4.
    low, high
        Conformed intensities, in -1 to 1, that become the first and the last grey level.
    unit, modality, spaced
        As of `core.volume.Volume`.
    values
        What the first and the last grey level mean in ``unit``.
    window
        Centre and width in ``unit`` that every case begins with.
    trim
        Rows or slices taken from the start and the end of each axis.
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
    trim: tuple[tuple[int, int], ...] = ()

    @property
    def shown(self) -> tuple[int, ...]:
        """Shape of what is shown."""
        taken = [sum(ends) for ends in self.trim] or [0] * len(self.grid)
        return tuple(n - less for n, less in zip(self.grid, taken, strict=True))

    def trimmed(self, borders: Sequence[tuple[int, int]]) -> Preparation:
        """The same without ``borders``, outermost rows or slices at the start and the end of each axis."""
        trim = tuple(
            (min(first, n // MOST_TRIMMED), min(last, n // MOST_TRIMMED))
            for (first, last), n in zip(borders, self.grid, strict=True)
        )
        affine = np.array(self.affine, float)
        for axis, (first, _) in enumerate(trim):
            affine[:3, 3] += first * affine[:3, axis]
        rows = tuple(tuple(float(v) for v in row) for row in affine)
        return dataclasses.replace(self, trim=trim, affine=rows)


class CommonRange:
    """The range, within -1 to 1, that every one of the conformed images added reaches at both ends."""

    def __init__(self, floor: float = FLOOR) -> None:
        """Begin with the range from ``floor``, a share of the whole below which nothing is told apart.

        Raises
        ------
        InputRefused
            When ``floor`` is not in 0 to 0.5.
        """
        if not 0 <= floor <= NARROW:
            raise InputRefused(f"The floor is a share of the range, 0 to {NARROW}; got {floor:g}. Lower it.")
        self._low, self._high = 2 * floor - 1, 2 * CEILING - 1
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
    """Bring a conformed image to int16 levels 0 to 4095, the common range from end to end, trimmed.

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
    for axis, (first, last) in enumerate(preparation.trim):
        image = np.moveaxis(np.moveaxis(image, axis, 0)[first : image.shape[axis] - last], 0, axis)
    share = (np.clip(np.asarray(image, np.float64), low, high) - low) / (high - low)
    return np.ascontiguousarray(np.rint(share * LEVELS).astype("<i2"))


def uniform_borders(image: np.ndarray) -> list[tuple[int, int]]:
    """How many outermost planes of a prepared image are of one value, at the start and the end of each axis."""
    return [(_uniform(image, axis, 1), _uniform(image, axis, -1)) for axis in range(image.ndim)]


def _uniform(image: np.ndarray, axis: int, end: int) -> int:
    planes = np.moveaxis(image, axis, 0)[::end].reshape(image.shape[axis], -1)
    even = (planes == planes[:1, :1]).all(axis=1)
    return int(len(even) if even.all() else np.argmin(even))


def _check_values(image: np.ndarray) -> None:
    if not np.isfinite(image).all() or np.abs(image).max(initial=0) > 1:
        raise InputRefused("A case holds values that are not in -1 to 1. Conform it as its cohort was.")
