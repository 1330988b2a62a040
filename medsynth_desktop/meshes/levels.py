"""At which value a surface starts: named presets where the unit means something, Otsu's level elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume

BONE_SHARE = 0.003
"""A CT with this share of voxels above the bone level starts at bone: a picture, not a few specks."""


@dataclass(frozen=True, slots=True)
class LevelPreset:
    """A level that a reader knows by name, in ``unit``."""

    key: str
    label: str
    level: float
    unit: str


PRESETS: tuple[LevelPreset, ...] = (
    LevelPreset("skin", "Skin", -300.0, "HU"),
    LevelPreset("vessels", "Contrast vessels", 150.0, "HU"),
    LevelPreset("bone", "Bone", 300.0, "HU"),
    LevelPreset("teeth", "Dense bone and teeth", 1200.0, "HU"),
    LevelPreset("uptake", "High uptake", 2.5, "SUVbw"),
    LevelPreset("lesion", "Very high uptake", 4.0, "SUVbw"),
)


def presets_for(volume: Volume) -> tuple[LevelPreset, ...]:
    """Return the presets in the volume's unit that lie inside its range."""
    low, high = value_range(volume)
    return tuple(p for p in PRESETS if p.unit == volume.unit and low < p.level < high)


def value_range(volume: Volume) -> tuple[float, float]:
    """Lowest and highest value.

    Raises
    ------
    InputRefused
        No voxels, values that are no finite numbers, or all voxels alike.
    """
    array = volume.array
    if array.size == 0 or array.dtype.kind not in "biuf":
        raise InputRefused(
            f"A surface needs a volume of real numbers; got {array.shape} of type {array.dtype}."
        )
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputRefused("The volume has voxels that are not numbers (NaN or infinite); repair it first.")
    if not low < high:
        raise InputRefused(
            f"All voxels have the value {low:g}; a surface needs contrast, choose another volume."
        )
    return low, high


def sensible_level(volume: Volume) -> float:
    """Propose where the slider starts.

    CT in HU: bone (300) where there is enough of it, else skin (-300). PET in SUV: 2.5, the customary border
    of high uptake. Anything else, or where those lie outside the range: `outline_level`, the skin in a head MRI.

    Raises
    ------
    InputRefused
        As `value_range`.
    """
    low, high = value_range(volume)
    inside = {p.key: p.level for p in PRESETS if p.unit == volume.unit and low < p.level < high}
    if "bone" in inside and float((volume.array > inside["bone"]).mean()) >= BONE_SHARE:
        return inside["bone"]
    for key in ("skin", "uptake"):
        if key in inside:
            return inside[key]
    return outline_level(volume.array, low, high)


def outline_level(array: np.ndarray, low: float, high: float) -> float:
    """Level of the outline of what stands before air, between the values ``low`` and ``high``.

    Otsu's level lies half-way between air and the bright tissue of a head, which tears holes into the dimmer skin.
    Where the dark side is air (its median within 5% of the range above the lowest value), the level is half-way
    between that and Otsu's; elsewhere (a crop without air, a label map) it is Otsu's.
    """
    level = otsu_level(array)
    sparse = array.reshape(-1)[:: max(1, array.size // 4_000_000)]
    dark = float(np.median(sparse[sparse < level])) if (sparse < level).any() else low
    is_air = (
        dark - low < 0.05 * (high - low) and len(np.unique(sparse[:: max(1, sparse.size // 100_000)])) > 16
    )
    return (dark + level) / 2 if is_air else level


def otsu_level(array: np.ndarray) -> float:
    """Level that best parts the values into two groups: largest variance between them.

    On a histogram of 256 bins between the 0.1th and 99.9th percentile, so that one hot voxel does not push
    all others into the first bin. Otsu, IEEE Trans. SMC 9 (1979) 62-66.
    """
    values = array.reshape(-1)[:: max(1, array.size // 4_000_000)].astype(np.float64)
    low, high = np.percentile(values, [0.1, 99.9])
    if not low < high:
        low, high = float(array.min()), float(array.max())
    counts, edges = np.histogram(np.clip(values, low, high), bins=256, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums[:-1] / below - (sums[-1] - sums[:-1]) / above
        between = np.nan_to_num(below * above * gap**2)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return float(edges[1:-1][best].mean())
