"""Windows (width and level) of grey images: named presets, the header's own, percentiles, and what a drag does.

A window is told as radiologists tell it: its width and its centre ("level"), in the unit of the numbers.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from medsynth_desktop.core.volume import Volume

FILE = Path(__file__).resolve().parents[2] / "resources" / "windows.json"
HEADER = "header"
"""Key of the window that the image's own header names."""
SAMPLED_VOXELS = 200_000
"""Enough for percentiles of any image to 0.1 percent."""
DOUBLING_PIXELS = 150.0
"""A drag of so many pixels doubles or halves the width: the same feel for a brain (W 80) and for bone (W 2500)."""
SHIFT_PIXELS = 400.0
"""A drag of so many pixels moves the level by one width."""
WHOLE_NUMBERS = 20.0
"""Windows at least so wide are told without decimals."""
NARROWEST = 1e-6
"""Narrowest width, as a share of the largest number that the window reaches."""


@dataclass(frozen=True, slots=True)
class Window:
    """Width and centre, in the image's unit; the width is above 0."""

    width: float
    centre: float

    @classmethod
    def of_limits(cls, low: float, high: float) -> Window:
        """Return the window from ``low`` (black) to ``high`` (white)."""
        return cls(float(high) - float(low), (float(low) + float(high)) / 2)

    @property
    def limits(self) -> tuple[float, float]:
        """What is drawn black, and what white; always low < high."""
        half = max(self.width, NARROWEST * max(1e-6, abs(self.centre))) / 2
        return self.centre - half, self.centre + half

    def dragged(self, right: float, down: float, wider: bool = True, brighter: bool = True) -> Window:
        """Return the window after the mouse went ``right`` and ``down`` by so many pixels from here.

        Reckoned from where the drag began, so that coming back gives the first window again.

        Parameters
        ----------
        right, down
            Pixels from where the button was pressed.
        wider
            Whether going right widens the window, else it narrows it.
        brighter
            Whether going up brightens the picture (lowers the level), else it darkens it.
        """
        width = self.width * 2.0 ** (
            min(max(right, -3000.0), 3000.0) * (1 if wider else -1) / DOUBLING_PIXELS
        )
        centre = self.centre + down * (1 if brighter else -1) * self.width / SHIFT_PIXELS
        return Window(max(width, NARROWEST * max(1e-6, abs(centre))), centre)

    def words(self, unit: str = "") -> str:
        """Return ``W 80 L 40 HU``."""
        digits = 0 if self.width >= WHOLE_NUMBERS else 2 - math.floor(math.log10(self.width))
        width, centre = (f"{round(value, digits) + 0.0:.{digits}f}" for value in (self.width, self.centre))
        return f"W {width} L {centre} {unit}".strip()


@dataclass(frozen=True, slots=True)
class Preset:
    """A window with a name: of fixed numbers for one unit, or between percentiles for any."""

    key: str
    label: str
    unit: str = ""
    width: float = 0.0
    centre: float = 0.0
    low: float = 0.0
    high: float = 100.0

    @property
    def named(self) -> bool:
        """Whether its numbers are fixed."""
        return self.width > 0

    def fits(self, volume: Volume) -> bool:
        """Whether its numbers mean something for ``volume``."""
        return not self.named or self.unit == volume.unit

    def window(self, array: np.ndarray) -> Window:
        """Return its window for an image with these numbers."""
        if self.named:
            return Window(self.width, self.centre)
        return percentile_window(array, self.low, self.high)


@cache
def all_presets() -> tuple[Preset, ...]:
    """Every preset of ``resources/windows.json``: the named ones, then the percentiles."""
    told = json.loads(FILE.read_text("utf-8"))
    return tuple(Preset(**entry) for kind in ("presets", "percentiles") for entry in told[kind])


def presets_for(volume: Volume) -> tuple[Preset, ...]:
    """Return the presets that mean something for ``volume``: its header's own first, where it has one."""
    own = header_window(volume)
    first = (Preset(HEADER, "As in the header", volume.unit, own.width, own.centre),) if own else ()
    return (*first, *(preset for preset in all_presets() if preset.fits(volume)))


def header_window(volume: Volume) -> Window | None:
    """Return the window that the header names, or None."""
    if volume.window is None or not volume.window[1] > 0:
        return None
    centre, width = volume.window
    return Window(width, centre)


def percentile_window(array: np.ndarray, low: float, high: float) -> Window:
    """Return the window between two percentiles of the finite numbers of ``array``; 0 to 1 where there are none."""
    flat = np.asarray(array).reshape(-1)
    if (low, high) != (0, 100):
        flat = flat[:: max(1, flat.size // SAMPLED_VOXELS)]
    flat = flat.astype(np.float32)
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return Window(1.0, 0.5)
    dark, bright = (float(v) for v in np.percentile(flat, (low, high)))
    return Window.of_limits(dark, bright if bright > dark else dark + 1.0)


def first_window(volume: Volume) -> Window:
    """Return the window an image is first shown with: its header's own, else the percentiles of *Auto*."""
    own = header_window(volume)
    return own or next(p for p in all_presets() if p.key == "auto").window(volume.array)
