"""What is done to every image of a study, alike for real and synthetic ones, before a reader sees it.

Conformed images share grid and float32 already, but not what lies at the ends of their range: air is exactly -1 in a
real image and nearly so in a drawn one; a real image has the steps of the file it came in, a drawn one none; one was
clipped at its own percentiles, the other never reaches its end. Every image therefore gets noise as fine as the
coarsest step of any, all outside the body is made one level, the ends are those that all cases reach or, where
intensities have no unit, each image's own percentiles; all lose as many outermost rows and slices as are empty in any
of them, and go out as 12 bits of one integer type.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.errors import InputRefused

LEVELS = 4095
"""Grey levels less one: 12 bits, so that fine steps of intensity tell no origin."""
FLOOR, CEILING = 0.02, 0.98
"""Shares of the range below and above which nothing is told apart: air that a model draws as nearly air."""
DARK, BRIGHT, BRIGHTEST = 0.01, 0.005, 0.02
"""Where intensities have no unit: share of the body at the first level, of the image at the last, and its most."""
SKIN = 2
"""Voxels by which smoothing may have put air into the body."""
COARSEST = 0.04
"""At most so much of -1 to 1 is taken for a step: an image of fewer levels is one of labels."""
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
    bright
        Where intensities have no unit, the share of every image at the last level: each image's own quantiles, this one
        and `DARK` inside its body, take the place of ``low`` and ``high``. 0: they do not.
    floor
        Share of the range up to which what surrounds the body counts as air, and becomes the first level; 0: none.
    step
        Width of the noise that every image gets, in conformed intensities.
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
    bright: float = 0.0
    floor: float = 0.0
    step: float = 0.0

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

    def __init__(self) -> None:
        self._low, self._high = 2 * FLOOR - 1, 2 * CEILING - 1
        self._grid: tuple[int, ...] | None = None
        self.step = 0.0
        """The coarsest usual step between the levels of any image added."""
        self.bright = BRIGHT
        """The largest share of any image at its brightest level, of `BRIGHT` to `BRIGHTEST`."""

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
        levels, counts = np.unique(np.rint((image + 1) / 2 * LEVELS), return_counts=True)
        if len(levels) > 1:
            self.step = max(self.step, min(COARSEST, float(np.median(np.diff(levels))) * 2 / LEVELS))
        self.bright = min(BRIGHTEST, max(self.bright, 1.2 * float(counts[-1] / image.size)))
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
    """Bring a conformed image to int16 levels 0 to 4095, trimmed; the same image always to the same levels.

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
    values = np.array(image, np.float64)
    body = body_masks(image, [preparation.floor])[0] if preparation.floor else np.ones(image.shape, bool)
    if preparation.step:
        seed = int.from_bytes(hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()[:8], "big")
        values += preparation.step * np.random.default_rng(seed).uniform(-0.5, 0.5, image.shape)
    values, body = _cut(values, preparation.trim), _cut(body, preparation.trim)
    low, high = preparation.low, preparation.high
    if preparation.bright:
        low, high = _own_ends(values, values[body], preparation.bright)
    share = (np.clip(values, low, high) - low) / (high - low)
    share[~body] = 0.0
    return np.ascontiguousarray(np.rint(share * LEVELS).astype("<i2"))


def _cut(image: np.ndarray, trim: Sequence[tuple[int, int]]) -> np.ndarray:
    for axis, (first, last) in enumerate(trim):
        image = np.moveaxis(np.moveaxis(image, axis, 0)[first : image.shape[axis] - last], 0, axis)
    return image


def _own_ends(image: np.ndarray, inside: np.ndarray, bright: float) -> tuple[float, float]:
    """The ends of an image of its own; what is darker than `FLOOR` of its range is air inside the body too."""
    darkest, high = (float(q) for q in np.quantile(image, (ENDS[0], 1 - bright)))
    low = float(np.quantile(inside, DARK)) if inside.size else darkest
    low = max(low, darkest + FLOOR * (high - darkest))
    return (low, high) if high > low else (low, low + 2 / LEVELS)


def body_masks(image: np.ndarray, floors: Sequence[float]) -> list[np.ndarray]:
    """What belongs to the body, for each of ``floors``: the largest part above it, its holes filled.

    The image, smoothed by one voxel, is held against that share of the way from its own air, the median of what lies
    below that share of its range, to its bright end (`ENDS`). Where nothing lies above, all of the image is the body.
    """
    from scipy import ndimage  # slow to read: not when the window starts

    smooth = ndimage.gaussian_filter(np.asarray(image, np.float32), 1.0)
    darkest, brightest = (float(q) for q in np.quantile(image, ENDS))
    masks = []
    for floor in floors:
        dark = image[image <= darkest + floor * (brightest - darkest)]
        air = float(np.median(dark)) if dark.size else darkest
        level = air + floor * (brightest - air)
        parts, count = ndimage.label(smooth > level)
        if not count:
            masks.append(np.ones(image.shape, bool))
            continue
        largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
        body = np.asarray(ndimage.binary_fill_holes(parts == largest), bool)
        skin = body & ~ndimage.binary_erosion(body, iterations=SKIN, border_value=1)
        masks.append(body & ~(skin & (image <= level)))
    return masks


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
