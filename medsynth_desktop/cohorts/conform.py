"""From any volume to the grid and intensity range of a cohort.

The image keeps its own (closest canonical) axes: it is scaled, centre-cropped or padded, never rotated, so
an oblique scan stays as it was acquired and no corner is invented.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import Recipe
from medsynth_desktop.core.volume import Volume

CT_WINDOW_HU = (-1000.0, 1000.0)
"""Air to dense bone: the range in which CT carries anatomy."""
PERCENTILES = (0.1, 99.9)
"""Outliers beyond these (a bright vessel, a hot pixel) would set the contrast of the whole image."""
GRID_MULTIPLE = 16
"""Proposed grids divide by 16: autoencoder factor 4, then fold 2 and one halving in the UNet."""
LONGEST_AXIS = 96
"""Longest axis of a proposed 3D grid; larger ones are asked for by --grid."""
LONGEST_SIDE = 256
"""Longest side of a proposed 2D grid."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What a recipe is proposed from: shape and spacing (mm) along canonical axes, and what numbers mean."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    spaced: bool
    modality: str
    unit: str

    @classmethod
    def of(cls, volume: Volume) -> Extent:
        """Read the extent of ``volume``."""
        shape = np.abs(_axis_order(volume.affine)) @ np.array(volume.array.shape)
        spacing = np.abs(_axis_order(volume.affine)) @ volume.spacing
        return cls(
            tuple(int(round(n)) for n in shape),  # type: ignore[arg-type]
            tuple(float(s) for s in spacing),  # type: ignore[arg-type]
            volume.spaced,
            volume.modality,
            volume.unit,
        )


def propose_recipe(
    extents: list[Extent], spacing: float | None = None, grid: tuple[int, ...] | None = None
) -> Recipe:
    """Choose a recipe that suits most of ``extents``; what the user gave is kept.

    Raises
    ------
    InputRefused
        When there is nothing to choose from, or grid and spacing make no sense.
    """
    if not extents:
        raise InputRefused("There is no readable image to choose a grid from. Give a folder that holds some.")
    if grid is not None and (len(grid) not in (2, 3) or any(not 8 <= g <= 1024 for g in grid)):
        raise InputRefused(f"A grid has 2 or 3 axes of 8 to 1024 voxels, for instance 64,80,64; got {grid}.")
    if spacing is not None and not 0.05 <= spacing <= 50:
        raise InputRefused(f"Spacing must lie between 0.05 and 50 mm; got {spacing:g}.")
    flat = len(grid) == 2 if grid else np.median([min(e.shape) == 1 for e in extents]) > 0.5
    fitting = [e for e in extents if (min(e.shape) == 1) == flat]
    if not fitting:
        raise InputRefused(
            f"The grid {grid} is {'2D' if flat else '3D'}, but every image is {'3D' if flat else '2D'}; "
            "change --grid."
        )
    axes = np.array([_plane(e.shape, e.spacing, flat) for e in fitting], float)  # (n, 2, axes)
    spaced = all(e.spaced for e in fitting)
    field = np.median(axes[:, 0] * (axes[:, 1] if spaced else 1), axis=0)  # mm, or pixels
    longest = LONGEST_SIDE if flat else LONGEST_AXIS
    if grid is None:
        step = spacing if spacing and spaced else max(float(field.max()) / longest, 1e-6)
        cells = np.ceil(np.round(field / step, 3) / GRID_MULTIPLE) * GRID_MULTIPLE
        grid = tuple(int(g) for g in np.clip(cells, GRID_MULTIPLE, 512))
    if not spaced:
        spacing = 0.0
    elif spacing is None:
        spacing = float(np.ceil(100 * (field / np.array(grid)).max()) / 100)
    first = fitting[0]
    window = first.unit == "HU"
    low, high = CT_WINDOW_HU if window else PERCENTILES
    return Recipe(
        grid, float(spacing), "window" if window else "percentile", low, high, first.modality, first.unit
    )


def conform(volume: Volume, recipe: Recipe) -> np.ndarray:
    """Bring ``volume`` to the recipe's grid.

    Returns
    -------
    numpy.ndarray
        float32 of shape ``recipe.grid`` in [-1, 1]; outside the field of view -1.

    Raises
    ------
    InputRefused
        Not finite, without contrast, or of another dimension or unit than the recipe.
    """
    flat = len(recipe.grid) == 2
    _check(volume, recipe, flat)
    values = volume.canonical().array.astype(np.float32)
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise InputRefused(
            f"The image has {count} voxels that are not numbers (NaN or infinite); repair it first."
        )
    low, high = (
        (recipe.low, recipe.high)
        if recipe.intensity == "window"
        else (float(v) for v in np.percentile(values, [recipe.low, recipe.high]))
    )
    if not high > low:
        raise InputRefused("The image has no contrast (all voxels alike); it cannot be compared with others.")
    extent = Extent.of(volume)
    shape, spacing = _plane(extent.shape, extent.spacing, flat)
    if flat:
        values = np.flip(values.reshape(shape), (0, 1))
    # One number: the source voxels that one target voxel spans along each axis.
    span = (
        np.array(recipe.spacing) / np.array(spacing)
        if recipe.spacing
        else np.full(len(shape), max(s / g for s, g in zip(shape, recipe.grid, strict=True)))
    )
    resampled = _resample(values, span, recipe.grid, fill=low)
    result = np.clip((resampled - low) * (2 / (high - low)) - 1, -1, 1).astype(np.float32)
    if float(result.std()) < 1e-4:
        raise InputRefused(
            "The image is empty on the cohort's grid and range; check its unit and field of view."
        )
    return result


def recipe_volume(array: np.ndarray, recipe: Recipe, *, difference: bool = False) -> Volume:
    """A conformed array, 2D or 3D in -1 to 1, as a volume in patient millimetres.

    In the recipe's unit where all images have one window; ``difference``: of two such arrays, in -2 to 2, whose window
    is none of the images'.
    """
    array, unit = np.asarray(array, np.float32), ""
    if recipe.intensity == "window":
        half, unit = (recipe.high - recipe.low) / 2, recipe.unit
        array = array * half if difference else (array + 1) * half + recipe.low
    modality = "OT" if difference else recipe.modality
    shown = array if array.ndim == 3 else array[..., None]
    return Volume(shown, grid_affine(recipe), modality, unit, spaced=recipe.spacing > 0)


def grid_affine(recipe: Recipe) -> np.ndarray:
    """(4, 4) affine of a conformed 3D array: RAS millimetres, origin at the centre of the grid.

    2D grids run to the patient's left and downwards; without spacing one pixel counts as 1 mm.
    """
    step = recipe.spacing or 1.0
    affine = np.diag([step, step, step, 1.0])
    if len(recipe.grid) == 2:
        affine = np.diag([-step, -step, step, 1.0])
    for axis, cells in enumerate(recipe.grid):
        affine[axis, 3] = -affine[axis, axis] * (cells - 1) / 2
    return affine


def _check(volume: Volume, recipe: Recipe, flat: bool) -> None:
    if flat != (min(volume.array.shape) == 1):
        raise InputRefused(
            f"The cohort holds {'2D pictures' if flat else 'volumes'}; "
            f"this image has shape {volume.array.shape}."
        )
    if recipe.spacing and not volume.spaced:
        raise InputRefused(
            f"The cohort is resampled to {recipe.spacing:g} mm, "
            "but this image carries no voxel size in its header."
        )
    if recipe.intensity == "window" and volume.unit != recipe.unit:
        raise InputRefused(
            f"The cohort's intensities are in {recipe.unit}; this image's are {volume.unit or 'arbitrary'}."
        )


def _axis_order(affine: np.ndarray) -> np.ndarray:
    """(3, 3) of 0 and 1: which array axis runs along each canonical axis."""
    from nibabel.orientations import io_orientation

    order = np.zeros((3, 3))
    for array_axis, (world_axis, _) in enumerate(io_orientation(affine)):
        order[int(world_axis), array_axis] = 1
    return order


def _plane(
    shape: tuple[int, ...], spacing: tuple[float, ...], flat: bool
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Drop the single-slice axis of a picture."""
    if not flat:
        return tuple(shape), tuple(spacing)
    thin = shape.index(1)
    return shape[:thin] + shape[thin + 1 :], spacing[:thin] + spacing[thin + 1 :]


def _resample(values: np.ndarray, span: np.ndarray, grid: tuple[int, ...], fill: float) -> np.ndarray:
    """Scale about the centre: low-pass at the new Nyquist rate, then linear interpolation."""
    from scipy import ndimage  # only a job resamples: the window opens without it

    sigma = np.maximum(0.0, (span - 1) / 2)
    if sigma.any():
        values = ndimage.gaussian_filter(values, sigma, truncate=3.0)
    offset = (np.array(values.shape) - 1) / 2 - span * (np.array(grid) - 1) / 2
    resampled: np.ndarray = ndimage.affine_transform(
        values, span, offset, output_shape=grid, order=1, mode="constant", cval=float(fill)
    )
    return resampled
