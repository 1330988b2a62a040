"""Where the slices of a stack lie, and whether they make a straight, evenly spaced grid.

All directions and positions here are DICOM's LPS millimetres; only `affine_of` turns to RAS.
Formula: PS3.3 C.7.6.2.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.formats.base import MAX_SHEAR_DEGREES
from medsynth_desktop.formats.dicom_header import Slice

SAME_ORIENTATION = 2e-3
"""Largest difference of a direction cosine within one stack (0.1 degrees): rounding differs per slice."""
SAME_POSITION_MM = 1e-2
"""Two slices closer than this lie at one place."""
UNEVEN = 0.05
"""Share of the slice distance by which one gap may differ: positions are often rounded to 0.1 mm."""
UNEVEN_MM = 0.02
"""The same in millimetres, for very thin slices."""
NOT_ORTHONORMAL = 5e-3
"""How far direction cosines may be from unit length and a right angle."""


def normal_of(orientation: Sequence[float]) -> np.ndarray:
    """(3,) LPS unit normal of the plane; refuses directions that are no right angle.

    Raises
    ------
    InputRefused
        Direction cosines that are not of unit length or not perpendicular.
    """
    across, down = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(across), np.linalg.norm(down)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(across @ down)) > NOT_ORTHONORMAL:
        raise InputRefused(
            f"The image orientation is damaged: direction lengths {lengths[0]:.3f} and {lengths[1]:.3f}, "
            f"cosine between them {across @ down:.3f}; expected 1, 1 and 0."
        )
    normal: np.ndarray = np.cross(across, down)
    return normal / float(np.linalg.norm(normal))


def depths(slices: Sequence[Slice]) -> np.ndarray:
    """(n,) millimetres along the common normal."""
    first = slices[0].orientation
    assert first is not None
    return np.asarray(np.array([s.position for s in slices], float) @ normal_of(first))


def places(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Slices by place along the normal, in ascending order; several at one place share a list."""
    along = depths(slices)
    order = np.argsort(along, kind="stable")
    groups: list[list[Slice]] = []
    last = -np.inf
    for index in order:
        if along[index] - last > SAME_POSITION_MM:
            groups.append([])
            last = along[index]
        groups[-1].append(slices[index])
    return groups


def by_orientation(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Partition by direction cosines within `SAME_ORIENTATION`; first come, first named."""
    stacks: list[list[Slice]] = []
    references: list[np.ndarray] = []
    for item in slices:
        cosines = np.array(item.orientation)
        for stack, reference in zip(stacks, references, strict=True):
            if np.abs(cosines - reference).max() <= SAME_ORIENTATION:
                stack.append(item)
                break
        else:
            stacks.append([item])
            references.append(cosines)
    return stacks


def check_stack(slices: Sequence[Slice]) -> None:
    """Refuse an ordered stack whose slices are no straight, even grid.

    Raises
    ------
    InputRefused
        Tilt, missing slices or uneven spacing, with the numbers.
    """
    if len(slices) < 2:
        return
    along = depths(slices)
    problems = [p for p in (_tilt(slices, along), _gaps(np.diff(along))) if p]
    if problems:
        raise InputRefused(f"{' '.join(problems)} Resample the series to an even, straight grid first.")


def _tilt(slices: Sequence[Slice], along: np.ndarray) -> str:
    """Angle between the line of slice positions and the normal."""
    line = np.array(slices[-1].position, float) - np.array(slices[0].position, float)
    angle = float(np.degrees(np.arccos(min(1.0, abs(along[-1] - along[0]) / float(np.linalg.norm(line))))))
    if angle > MAX_SHEAR_DEGREES:
        return (
            f"The slices are sheared by {angle:.1f} degrees against their normal (gantry tilt; at most "
            f"{MAX_SHEAR_DEGREES} are read)."
        )
    ideal = np.array(slices[0].position, float) + np.outer((along - along[0]) / (along[-1] - along[0]), line)
    drift = float(np.abs(ideal - np.array([s.position for s in slices], float)).max())
    step = float(np.median(np.diff(along)))
    if drift > max(UNEVEN * step, UNEVEN_MM) and drift > max(slices[0].spacing or (0.0,)):
        return f"The slices do not lie on one line: one is {drift:.2f} mm off."
    return ""


def _gaps(gaps: np.ndarray) -> str:
    """Say what is wrong with the distances between neighbouring slices, or nothing."""
    step = float(np.median(gaps))
    off = np.abs(gaps - step) > max(UNEVEN * step, UNEVEN_MM)
    if not off.any():
        return ""
    multiples = gaps[off] / step
    whole = np.abs(multiples - np.round(multiples)) <= 2 * UNEVEN
    missing = int((np.round(multiples) - 1).sum())
    if whole.all() and (np.round(multiples) >= 2).all() and missing <= len(gaps):
        where = int(np.flatnonzero(off)[0]) + 1
        return (
            f"{missing} of {len(gaps) + 1 + missing} slices {'is' if missing == 1 else 'are'} missing: "
            f"the distance is {step:.2f} mm, but {float(gaps[off][0]):.2f} mm after slice {where}."
        )
    return (
        f"The slices are unevenly spaced: distances run from {gaps.min():.2f} to {gaps.max():.2f} mm "
        f"(median {step:.2f})."
    )


def affine_of(slices: Sequence[Slice]) -> np.ndarray:
    """(4, 4) RAS affine of an ordered stack for arrays in (column, row, slice) order.

    A single slice is as thick as its header says, else as wide as its pixels.
    """
    first, last = slices[0], slices[-1]
    assert first.orientation is not None
    assert first.position is not None
    assert last.position is not None
    down, across = first.spacing or (1.0, 1.0)
    lps = np.eye(4)
    lps[:3, 0] = np.array(first.orientation[:3]) * across
    lps[:3, 1] = np.array(first.orientation[3:]) * down
    if len(slices) > 1:
        lps[:3, 2] = (np.array(last.position) - np.array(first.position)) / (len(slices) - 1)
    else:
        lps[:3, 2] = normal_of(first.orientation) * (first.thickness or across)
    lps[:3, 3] = first.position
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps
