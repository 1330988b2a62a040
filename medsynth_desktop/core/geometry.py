"""Where things lie in the patient: positions with letters, voxels, distances and angles, in true millimetres."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary

import numpy as np

from medsynth_desktop.core.volume import Volume

SIDES = (("L", "R"), ("P", "A"), ("I", "S"))
"""Letter of the negative and the positive side of each axis of the patient (RAS)."""

_frames: WeakKeyDictionary[Volume, np.ndarray] = WeakKeyDictionary()


def drawn_frame(volume: Volume) -> np.ndarray:
    """Return the (4, 4) matrix from indices of the drawn array to voxel indices of ``volume.array``.

    The drawn array is (z, y, x) of the closest canonical order, each axis from its high end (see `qt.viewer`): an
    oblique volume is drawn without its rotation, and here gets its true place back.
    """
    found = _frames.get(volume)
    if found is None:
        from nibabel.orientations import inv_ornt_aff, io_orientation

        ornt = io_orientation(volume.affine)
        shape = np.empty(3)
        shape[ornt[:, 0].astype(int)] = volume.array.shape  # of the canonical array
        turn = np.zeros((4, 4))
        turn[:3, :3] = -np.eye(3)[::-1]
        turn[:, 3] = [*(shape - 1), 1]
        found = _frames[volume] = np.asarray(inv_ornt_aff(ornt, volume.array.shape) @ turn)
    return found


def voxel_of_drawn(volume: Volume, drawn: Sequence[float]) -> np.ndarray:
    """Return the (3,) fractional voxel index of an index of the drawn array: (z, y, x), or two axes of a picture."""
    index = np.zeros(4)
    index[_drawn_axes(volume, len(drawn))] = drawn
    index[3] = 1
    return np.asarray((drawn_frame(volume) @ index)[:3])


def drawn_of_voxel(volume: Volume, voxel: Sequence[float], axes: int = 3) -> np.ndarray:
    """Return the index in the drawn array, of so many axes, of a voxel index."""
    index = np.linalg.solve(drawn_frame(volume), [*voxel, 1.0])[:3]
    return np.asarray(index[_drawn_axes(volume, axes)])


def _drawn_axes(volume: Volume, count: int) -> list[int]:
    if count == 3:
        return [0, 1, 2]
    turned = np.abs(drawn_frame(volume)[:3, :3]).T @ np.array(volume.array.shape)
    return [axis for axis in range(3) if round(turned[axis]) > 1]


def position(volume: Volume, voxel: Sequence[float]) -> np.ndarray:
    """Return the patient's (3,) RAS millimetres of a voxel index of ``volume.array``, fractions allowed."""
    return np.asarray((np.asarray(volume.affine, float) @ [*voxel, 1.0])[:3])


def position_words(millimetres: Iterable[float]) -> str:
    """Return ``R 12.3 P 4.0 S 55.1 mm`` for RAS millimetres: a letter of the side instead of a sign."""
    parts = []
    for value, (negative, positive) in zip(millimetres, SIDES, strict=True):
        shown = f"{abs(value):.1f}"
        parts.append(f"{negative if value < 0 and float(shown) else positive} {shown}")
    return " ".join(parts) + " mm"


def voxel_words(volume: Volume, voxel: Sequence[int]) -> str:
    """Return ``voxel 12, 30, 44`` of the file's own axes, or ``pixel 12, 30`` of a picture; counted from 0."""
    shown = list(voxel)[:2] if volume.is_2d else list(voxel)
    return f"{'pixel' if volume.is_2d else 'voxel'} {', '.join(str(int(i)) for i in shown)}"


def value_words(value: float, unit: str = "") -> str:
    """Return ``-34 HU``, ``0.123`` or ``412.0``: whole numbers as such, others with four digits."""
    number = float(value)
    if not math.isfinite(number):
        return "no number"
    if number == int(number) and not isinstance(value, np.floating | float):
        shown = str(int(number))
    elif unit == "HU":
        shown = f"{round(number) + 0:d}"
    else:
        digits = 3 if number == 0 else min(6, max(0, 3 - math.floor(math.log10(abs(number)))))
        shown = f"{number:.{digits}f}"
    return f"{shown} {unit}".strip()


def distance(volume: Volume, one: Sequence[float], two: Sequence[float]) -> float:
    """Return the millimetres between two voxel indices (pixels where the file says nothing of millimetres)."""
    return float(np.linalg.norm(position(volume, two) - position(volume, one)))


def angle(volume: Volume, one: Sequence[float], corner: Sequence[float], two: Sequence[float]) -> float:
    """Return the degrees at ``corner`` between the ways to two other voxel indices; 0 where a way has no length."""
    a, b = (position(volume, end) - position(volume, corner) for end in (one, two))
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths == 0:
        return 0.0
    return math.degrees(math.acos(min(1.0, max(-1.0, float(a @ b) / lengths))))
