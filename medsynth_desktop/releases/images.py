"""Samples as images that leave: from [-1, 1] on a grid to the recipe's unit in patient millimetres."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import Any

import numpy as np

from medsynth_desktop.cohorts.conform import grid_affine
from medsynth_desktop.core.errors import GuardRefused
from medsynth_desktop.core.records import Recipe
from medsynth_desktop.core.volume import Volume

ARBITRARY = (0.0, 1000.0)
"""Range of images without a unit (MR, X-ray): whole numbers keep a thousandth of the contrast in DICOM."""


def value_range(recipe: Recipe) -> tuple[float, float]:
    """Values that -1 and 1 stand for: the recipe's window, or 0 and 1000 where the unit is arbitrary."""
    return (recipe.low, recipe.high) if recipe.intensity == "window" else ARBITRARY


def meaning(recipe: Recipe) -> dict[str, Any]:
    """How the released numbers are to be read, for the manifest."""
    low, high = value_range(recipe)
    return {
        "unit": recipe.unit if recipe.intensity == "window" else "arbitrary",
        "low": low,
        "high": high,
        "mapping": "value = low + (x + 1) / 2 * (high - low), x the model's number in [-1, 1]",
        "nifti": "stores x, little-endian float32; slope and intercept of the header give the value",
        "dicom": "values rounded to whole numbers, SUV excepted",
        "frame": "RAS millimetres" if recipe.spacing else "pixels, as a film is viewed",
        "spacing_mm": recipe.spacing or None,
    }


def released_volume(array: np.ndarray, recipe: Recipe) -> Volume:
    """Make the volume that leaves.

    Parameters
    ----------
    array
        (x, y, z) or (x, y) float32 in [-1, 1] on ``recipe.grid``.

    Returns
    -------
    Volume
        float32 in the recipe's unit (HU for a CT window, 0 to 1000 where arbitrary), centred RAS geometry.

    Raises
    ------
    GuardRefused
        The array has another shape, or numbers outside [-1, 1].
    """
    if array.shape != tuple(recipe.grid):
        raise GuardRefused(f"A sample has shape {array.shape}; its model's grid is {tuple(recipe.grid)}.")
    if not (np.isfinite(array).all() and float(np.abs(array).max()) <= 1 + 1e-6):
        raise GuardRefused("A sample has numbers outside [-1, 1]; it is damaged, draw it again.")
    low, high = value_range(recipe)
    values = (low + (array.astype(np.float64) + 1) / 2 * (high - low)).astype(np.float32)
    unit = recipe.unit if recipe.intensity == "window" else ""
    cube = values.reshape(*array.shape, *([1] * (3 - array.ndim)))
    return Volume(cube, grid_affine(recipe), recipe.modality, unit, spaced=bool(recipe.spacing))


def whole_numbers(volume: Volume) -> Volume:
    """Round for DICOM, whose viewers often pass over the rescale of an MR; SUV, a small number, stays as it is."""
    if volume.unit == "SUVbw":
        return volume
    return replace(volume, array=np.rint(volume.array).astype(np.int32))


def nifti_bytes(array: np.ndarray, volume: Volume, values: tuple[float, float]) -> bytes:
    """NIfTI-1 (``.nii.gz``) that calls itself synthetic; equal samples give equal bytes.

    Stored are the model's own float32 numbers in [-1, 1]; the header's slope and intercept turn them into ``values``,
    what -1 and 1 stand for. So every reader sees HU, and ``array_sha256`` of the manifest can be recomputed from the
    file, bit for bit. Geometry, modality and unit are those of ``volume``.
    """
    import nibabel

    header = nibabel.Nifti1Image(volume.array, volume.affine).header
    header.set_data_dtype("<f4")
    header.set_xyzt_units("mm" if volume.spaced else "unknown")
    header.set_sform(volume.affine, 1)
    header.set_qform(volume.affine, 1)
    note = f"MedSynth modality={volume.modality} unit={volume.unit} spaced={int(volume.spaced)} sides=1 SYNTHETIC"
    header["descrip"] = note.encode("ascii", "replace")[:79]
    header["intent_name"] = b"SYNTHETIC"
    header["vox_offset"], header["magic"] = 352, b"n+1"
    header["scl_slope"], header["scl_inter"] = (values[1] - values[0]) / 2, (values[1] + values[0]) / 2
    no_extension = bytes(4)
    data = header.binaryblock + no_extension + np.asarray(array, "<f4").tobytes(order="F")
    return gzip.compress(data, 6, mtime=0)
