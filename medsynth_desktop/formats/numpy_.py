"""NumPy .npy arrays: numbers alone, in the axes of `Volume` (x, y) or (x, y, z), without millimetres."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.npy import map_npy
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.base import Format, check_claim, film_affine, native

MAGIC = b"\x93NUMPY"


def sniff(head: bytes) -> bool:
    """Whether ``head`` begins a .npy file."""
    return head.startswith(MAGIC)


def read(path: Path) -> Volume:
    """Read a 2D or 3D array; memory-mapped first, so that a false claim of size allocates nothing.

    Raises
    ------
    InputRefused
        Not .npy, pickled objects, records, complex numbers, not 2D or 3D, larger than the file.
    """
    with path.open("rb") as stream:
        if not sniff(stream.read(8)):
            raise InputRefused(f"{path.name} does not begin as a .npy file; save it with numpy.save.")
    try:
        mapped = map_npy(path)
    except (ValueError, OverflowError) as error:
        raise InputRefused(
            f"{path.name} is truncated, damaged or holds Python objects; a plain array of numbers is read. "
            "Save it again with numpy.save(..., allow_pickle=False)."
        ) from error
    if mapped.dtype.kind not in "biuf" or mapped.dtype.itemsize > 8:
        raise InputRefused(f"{path.name} holds {mapped.dtype} values; one real number per voxel is read.")
    if mapped.ndim not in (2, 3):
        raise InputRefused(f"{path.name} needs 2 or 3 axes (x, y, z); its shape is {mapped.shape}.")
    check_claim(path.name, mapped.shape, mapped.dtype.itemsize, path.stat().st_size)
    array = native(np.array(mapped))
    array = array[:, :, None] if array.ndim == 2 else array
    affine = film_affine((1, 1, 1)) if array.shape[2] == 1 else np.eye(4)
    return Volume(array, affine, spaced=False, laterality_known=False)


def write(volume: Volume, path: Path) -> None:
    """Write the numbers alone, (x, y) for a picture; geometry is lost."""
    array = native(volume.array)
    with path.open("wb") as stream:
        np.save(stream, array[:, :, 0] if volume.is_2d else array, allow_pickle=False)


FORMAT = Format("numpy", "NumPy array", (".npy",), sniff, read, write)
