"""A surface of a volume at a level, in patient millimetres."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps, drain
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.meshes import topology
from medsynth_desktop.meshes.levels import sensible_level, value_range

PASS_BAND = 0.1
"""Windowed-sinc pass band (Taubin 1996): smooths voxel stairs and keeps the volume of a sphere within 1%."""
MAX_SMOOTH = 200
SPECK = 0.01
"""Share of the largest piece's volume below which a piece is a speck: half a litre of head leaves out 5 ml of noise."""


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles around everything at or above a level; normals (right-hand rule) point outward.

    Attributes
    ----------
    vertices
        (n, 3) float32, patient millimetres, RAS (x to the right, y to the front, z upwards).
    faces
        (m, 3) int32 indices into ``vertices``.
    level
        The value, in ``level_unit``, at which the surface lies.
    watertight
        Whether every edge has exactly two triangles in opposite directions.
    area_mm2, volume_mm3
        Of the triangles as they are; the volume means something only when watertight.
    unit
        ``mm``, or ``px`` where the volume says nothing about millimetres.
    specks
        How many pieces too small to count were left out; 0 where all were kept.
    """

    vertices: np.ndarray
    faces: np.ndarray
    level: float
    watertight: bool
    area_mm2: float
    volume_mm3: float
    level_unit: str = ""
    smooth: int = 0
    unit: str = "mm"
    specks: int = 0

    @classmethod
    def of(cls, vertices: np.ndarray, faces: np.ndarray, level: float, **facts: object) -> Surface:
        """Measure and check triangles: the only right way to make one."""
        area, volume = topology.area_and_volume(vertices, faces)
        closed = topology.is_watertight(faces, len(vertices))
        return cls(vertices, faces, level, closed, area, volume, **facts)  # type: ignore[arg-type]

    def with_triangles(self, vertices: np.ndarray, faces: np.ndarray) -> Surface:
        """Return a copy that has other triangles, measured and checked anew."""
        other = Surface.of(vertices, faces, self.level)
        facts = {
            "level_unit": self.level_unit,
            "smooth": self.smooth,
            "unit": self.unit,
            "specks": self.specks,
        }
        return replace(other, **facts)  # type: ignore[arg-type]


def extract_surface(
    volume: Volume, level: float | None = None, *, smooth: int = 20, specks: bool = True
) -> Surface:
    """Run `surface_steps` to its end."""
    return drain(surface_steps(volume, level, smooth=smooth, specks=specks))


def surface_steps(
    volume: Volume, level: float | None = None, *, smooth: int = 20, specks: bool = True
) -> Steps[Surface]:
    """Make the surface of ``volume`` at ``level``.

    The volume is padded by one voxel of its own minimum, so that what touches the border is closed; flying
    edges (Schroeder et al., LDAV 2015) find the triangles; ``smooth`` iterations of a windowed-sinc filter
    take off the stairs; the affine, oblique or not, brings them to millimetres.

    Parameters
    ----------
    level
        None: `levels.sensible_level`.
    smooth
        Iterations, 0 to 200; 0 leaves the triangles on the interpolated level exactly.
    specks
        Whether pieces and cavities under `SPECK` of the largest piece's volume stay.

    Raises
    ------
    InputRefused
        The level lies outside the range, the volume is flat, not finite or a 2D picture, or ``smooth`` is
        off.
    """
    yield Progress(0, 4, "Looking at the values")
    if min(volume.array.shape) < 2:
        raise InputRefused(
            f"A surface needs a volume of at least 2 voxels along each axis; got {volume.array.shape}."
        )
    if not 0 <= smooth <= MAX_SMOOTH:
        raise InputRefused(f"Smoothing takes 0 to {MAX_SMOOTH} iterations; got {smooth}.")
    low, high = value_range(volume)
    level = sensible_level(volume) if level is None else float(level)
    if not low < level <= high:
        unit = f" {volume.unit}" if volume.unit else ""
        raise InputRefused(
            f"No surface at level {level:g}{unit}: the volume runs from {low:g} to {high:g}{unit}; "
            "choose a level between them."
        )
    yield Progress(1, 4, "Finding the triangles")
    from medsynth_desktop.meshes import flying_edges

    array, affine = _x_fastest(volume)
    mesh = flying_edges.triangles(array, _between_values(array, level), low)
    if smooth:
        yield Progress(2, 4, "Smoothing")
        mesh = flying_edges.smoothed(mesh, smooth, PASS_BAND)
    yield Progress(3, 4, "Measuring and checking")
    vertices, faces = topology.weld(*_to_patient(*flying_edges.as_arrays(mesh), affine))
    gone = 0
    if not specks:
        vertices, faces, gone = topology.without_specks(vertices, faces, SPECK)
    unit = "mm" if volume.spaced else "px"
    facts = {"level_unit": volume.unit, "smooth": smooth, "unit": unit, "specks": gone}
    surface = Surface.of(vertices, faces, level, **facts)
    yield Progress(4, 4, "Surface ready")
    return surface


def _x_fastest(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Array and affine with axes named so that the first runs fastest in memory, as VTK wants it: no copy."""
    if volume.array.flags.f_contiguous:
        return volume.array, volume.affine
    return volume.array.transpose(2, 1, 0), np.asarray(volume.affine)[:, [2, 1, 0, 3]]


def _between_values(array: np.ndarray, level: float) -> float:
    """Move a level that voxels hold exactly half-way to the next lower value.

    The same voxels stay inside, but no vertex falls onto a voxel, where several would coincide and triangles
    would have no area: so label maps and integer images give clean closed surfaces.
    """
    if not (array == level).any():
        return level
    return (level + float(array[array < level].max())) / 2


def _to_patient(points: np.ndarray, faces: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Voxel indices to millimetres; an affine that mirrors turns each triangle, so normals stay outward."""
    affine = np.asarray(affine, np.float64)
    vertices = (points.astype(np.float64) @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)
    if np.linalg.det(affine[:3, :3]) < 0:
        faces = faces[:, ::-1]
    return vertices, np.ascontiguousarray(faces, dtype=np.int32)
