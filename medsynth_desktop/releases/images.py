"""Samples as images that leave: from [-1, 1] on a grid to the recipe's unit in patient millimetres."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
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


def write_nifti(volume: Volume, path: Path) -> None:
    """Write float32 NIfTI-1 (``.nii.gz``) that calls itself synthetic; equal volumes give equal bytes.

    float32, so that a verifier can go back to the model's numbers within 1e-6 and recompute the evidence.
    """
    import nibabel

    image = nibabel.Nifti1Image(volume.array.astype("<f4"), volume.affine)
    image.header.set_xyzt_units("mm" if volume.spaced else "unknown")
    image.header.set_slope_inter(1, 0)
    image.set_sform(volume.affine, 1)
    image.set_qform(volume.affine, 1)
    image.header["descrip"] = (
        f"MedSynth modality={volume.modality} unit={volume.unit} "
        f"spaced={int(volume.spaced)} sides=1 SYNTHETIC"
    ).encode("ascii", "replace")[:79]
    image.header["intent_name"] = b"SYNTHETIC"
    path.write_bytes(gzip.compress(image.to_bytes(), 6, mtime=0))
