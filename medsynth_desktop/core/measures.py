"""Distances and angles that a user measured on one slice of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medsynth_desktop.core.geometry import angle, distance, voxel_of_drawn
from medsynth_desktop.core.volume import Volume

Kind = Literal["distance", "angle"]
POINTS: dict[Kind, int] = {"distance": 2, "angle": 3}
"""How many points make a measurement; the corner of an angle is its second."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement.

    Attributes
    ----------
    kind
        What was measured.
    drawn
        Its points as indices of the drawn array (see `core.geometry`), fractions allowed.
    value
        Millimetres, pixels where the file says nothing of millimetres, or degrees.
    words
        The value as it is shown: ``12.3 mm``.
    """

    kind: Kind
    drawn: tuple[tuple[float, ...], ...]
    value: float
    words: str


def measure(volume: Volume, kind: Kind, drawn: Sequence[Sequence[float]]) -> Measurement:
    """Measure ``volume`` in its true frame, however it is drawn.

    Parameters
    ----------
    volume
        Whose affine says how long a voxel is.
    kind
        What to measure.
    drawn
        As many points as ``kind`` takes, as indices of the drawn array.
    """
    if len(drawn) != POINTS[kind]:
        raise ValueError(f"{kind} takes {POINTS[kind]} points; got {len(drawn)}")
    voxels = [voxel_of_drawn(volume, point) for point in drawn]
    if kind == "angle":
        value = angle(volume, *(list(v) for v in voxels))
        words = f"{value:.1f}°"
    else:
        value = distance(volume, *(list(v) for v in voxels))
        words = f"{value:.1f} {'mm' if volume.spaced else 'px'}"
    return Measurement(kind, tuple(tuple(float(x) for x in point) for point in drawn), value, words)


def lies_in_slice(measurement: Measurement, axis: int, index: float) -> bool:
    """Whether all its points lie within half a voxel of slice ``index`` across ``axis`` of the drawn array."""
    return all(abs(point[axis] - index) <= 0.5 for point in measurement.drawn)


def label_place(points: np.ndarray) -> np.ndarray:
    """Where to write the value: at the middle of a distance, at the corner of an angle; points (n, 2)."""
    points = np.asarray(points, float)
    return np.asarray(points[1] if len(points) == 3 else points.mean(axis=0))
