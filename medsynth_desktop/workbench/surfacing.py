"""Verbs of the Mesh panel: surfaces of volumes and samples."""

from __future__ import annotations

from pathlib import Path

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.meshes.files import write_surface
from medsynth_desktop.meshes.surface import Surface, sensible_level, surface_steps


def make_surface(
    volume: Volume, level: float | None = None, smooth: int = 20, out: Path | None = None
) -> Steps[Surface]:
    """Extract the surface of ``volume`` at ``level`` (its unit; None: a sensible one), and write it to ``out`` if given.

    Raises
    ------
    InputRefused
        When the level lies outside the volume's range, or the suffix of ``out`` is no mesh format.
    """
    chosen = sensible_level(volume) if level is None else level
    surface = yield from surface_steps(volume, chosen, smooth=smooth)
    if out is not None:
        yield Progress(0, 0, "Writing the surface")
        write_surface(surface, out)
    return surface
