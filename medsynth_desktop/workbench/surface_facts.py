"""What the Mesh panel shows of a volume and of a surface, without Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.meshes.files import SUFFIXES
from medsynth_desktop.meshes.levels import LevelPreset, presets_for, sensible_level, value_range
from medsynth_desktop.meshes.surface import Surface

BINS = 128
MOST_VALUES = 1_000_000
"""Values that a histogram looks at: every n-th voxel of a larger volume, as no eye sees the rest."""
SLIDER_STEPS = 1000


@dataclass(frozen=True, eq=False)
class Levels:
    """Where a level can lie.

    Attributes
    ----------
    low, high, start
        Range of the volume and where the slider starts, in its unit.
    presets
        Levels with a name in that unit.
    edges, heights
        (bins + 1,) in the unit and (bins,) the logarithm of 1 + count: air would dwarf everything otherwise.
    """

    low: float
    high: float
    start: float
    unit: str
    edges: np.ndarray
    heights: np.ndarray
    presets: tuple[LevelPreset, ...] = ()

    @classmethod
    def of(cls, volume: Volume) -> Levels:
        """Read ``volume``.

        Raises
        ------
        InputRefused
            When it is flat, empty or not finite.
        """
        low, high = value_range(volume)
        values = volume.array.reshape(-1)
        values = values[:: max(1, values.size // MOST_VALUES)]
        counts, edges = np.histogram(values, BINS, (low, high))
        start = sensible_level(volume)
        return cls(low, high, start, volume.unit, edges, np.log1p(counts), presets_for(volume))

    @property
    def digits(self) -> int:
        """Decimals of the number box: about a thousandth of the range."""
        return max(0, int(np.ceil(-np.log10((self.high - self.low) / SLIDER_STEPS))))

    def slider(self, level: float) -> int:
        """Slider position (0 to 1000) of a level."""
        return int(round(SLIDER_STEPS * (level - self.low) / (self.high - self.low)))

    def level(self, slider: int) -> float:
        """Level at a slider position."""
        return self.low + (self.high - self.low) * slider / SLIDER_STEPS


def why_no_surface(volume: Volume | None) -> str:
    """Why nothing can be made of ``volume``; empty when it can."""
    if volume is None:
        return "Choose a sample, its nearest real image, or an open image."
    if volume.is_2d or min(volume.array.shape) < 2:
        return "This is a single picture; a surface needs a volume."
    return ""


def surface_facts(
    surface: Surface, seconds: float, shown: Surface | None = None
) -> tuple[tuple[str, str], ...]:
    """Name and value of everything worth knowing of a surface, with the number of triangles shown if fewer."""
    unit = surface.unit
    facts = [
        ("Level", f"{surface.level:g} {surface.level_unit}".strip()),
        ("Vertices", f"{len(surface.vertices):,}"),
        ("Faces", f"{len(surface.faces):,}"),
        ("Watertight", "yes" if surface.watertight else "no: it has open or doubled edges"),
        ("Area", _area(surface.area_mm2, unit)),
        ("Volume", _volume(surface.volume_mm3, unit) if surface.watertight else "not defined: not closed"),
        ("Made in", f"{seconds:.1f} s"),
    ]
    if surface.specks:
        facts.insert(3, ("Left out", f"{surface.specks:,} speck{'' if surface.specks == 1 else 's'}"))
    if shown is not None and len(shown.faces) < len(surface.faces):
        facts.append(("On screen", f"{len(shown.faces):,} faces; Save writes all {len(surface.faces):,}"))
    return tuple(facts)


def _area(area: float, unit: str) -> str:
    return f"{area / 100:,.1f} cm²" if unit == "mm" else f"{area:,.0f} {unit}²"


def _volume(volume: float, unit: str) -> str:
    return f"{volume / 1000:,.1f} ml" if unit == "mm" else f"{volume:,.0f} {unit}³"


def file_filters() -> tuple[str, ...]:
    """Return the filters of a save dialog, one for each format."""
    names = {".stl": "STL for printing", ".ply": "PLY", ".obj": "OBJ", ".glb": "GLB (glTF, metres)"}
    return tuple(f"{names.get(suffix, suffix)} (*{suffix})" for suffix in SUFFIXES)


def saved_words(name: str, surface: Surface) -> str:
    """What to tell after a save, with the unit and frame that the file itself cannot carry."""
    unit = "millimetres" if surface.unit == "mm" else "pixels (the image says nothing about millimetres)"
    return (
        f"Saved {name} with {len(surface.faces):,} faces, in {unit}, RAS frame (x right, y front, z up); "
        "a note with unit and frame lies beside it."
    )
