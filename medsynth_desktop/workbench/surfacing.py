"""Verbs of the Mesh panel: surfaces of volumes and samples."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.meshes.decimate import MAX_DISPLAY_FACES, display_steps
from medsynth_desktop.meshes.files import checked_suffix, write_surface
from medsynth_desktop.meshes.levels import sensible_level
from medsynth_desktop.meshes.surface import Surface, surface_steps
from medsynth_desktop.workbench.surface_facts import Levels, saved_words


@dataclass(frozen=True, eq=False)
class Made:
    """A surface in full, the copy that is light enough to be shown, and how long both took."""

    name: str
    surface: Surface
    shown: Surface
    seconds: float


def make_surface(
    volume: Volume,
    level: float | None = None,
    smooth: int = 20,
    out: Path | None = None,
    specks: bool = True,
) -> Steps[Surface]:
    """Extract the surface of ``volume`` at ``level`` (its unit; None: a sensible one); write it to ``out`` if given.

    Without ``specks``, pieces too small to count are left out.

    Raises
    ------
    InputRefused
        When the level lies outside the volume's range, or the suffix of ``out`` is no mesh format.
    """
    if out is not None:
        checked_suffix(out)
    chosen = sensible_level(volume) if level is None else level
    surface = yield from surface_steps(volume, chosen, smooth=smooth, specks=specks)
    if out is not None:
        yield Progress(0, 0, "Writing the surface")
        write_surface(surface, out)
    return surface


def make_for_display(
    volume: Volume,
    name: str,
    level: float,
    smooth: int = 20,
    max_faces: int = MAX_DISPLAY_FACES,
    specks: bool = True,
) -> Steps[Made]:
    """Extract a surface and reduce a copy of it to at most ``max_faces`` triangles for the screen."""
    began = time.perf_counter()
    surface = yield from surface_steps(volume, level, smooth=smooth, specks=specks)
    shown = yield from display_steps(surface, max_faces)
    return Made(name, surface, shown, time.perf_counter() - began)


def save(surface: Surface, path: Path) -> Steps[str]:
    """Write ``surface`` in full with its sidecar; return what to tell."""
    yield Progress(0, 1, f"Writing {len(surface.faces):,} faces")
    write_surface(surface, path)
    return saved_words(path.name, surface)


def read_levels(volume: Volume) -> Steps[Levels]:
    """Range, histogram and starting level of ``volume``: a second's work on a large one."""
    yield Progress(0, 0, "Looking at the values")
    return Levels.of(volume)
