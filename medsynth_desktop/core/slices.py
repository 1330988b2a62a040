"""Slices of a volume as grey levels, without a graphics card: for small views beside the large one."""

from __future__ import annotations

import numpy as np


def grey_slice(array: np.ndarray, axis: int, index: int, low: float, high: float) -> np.ndarray:
    """Return one slice as uint8 grey levels, contiguous.

    Parameters
    ----------
    array
        Of three axes.
    axis, index
        Across which axis, and where along it.
    low, high
        What becomes 0 and 255; what is no number becomes 0.
    """
    picture = np.take(array, index, axis).astype(np.float32)
    picture -= low
    picture *= 255.0 / max(high - low, 1e-30)
    np.clip(picture, 0, 255, out=picture)
    grey: np.ndarray = np.nan_to_num(picture, copy=False).astype(np.uint8)
    return grey


def fitted(width: float, height: float, wide: float, high: float) -> tuple[float, float, float, float]:
    """Return left, top, width and height in pixels of a picture ``wide`` x ``high`` mm, whole and in the middle."""
    zoom = min(width / wide, height / high)
    return (width - zoom * wide) / 2, (height - zoom * high) / 2, zoom * wide, zoom * high
