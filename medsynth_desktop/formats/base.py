"""What every format shares: how it presents itself, what a search yields, and the guards around a read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from medsynth_desktop.core.errors import InputRefused, MedSynthError
from medsynth_desktop.core.progress import Progress
from medsynth_desktop.core.volume import Volume

MAX_VOXELS = 1 << 29
"""1024 x 1024 x 512, 2 GiB as float32: with its working copies, more does not fit a workstation of 16 GiB."""
MAX_DEFLATE_RATIO = 1040
"""Deflate cannot expand more than 1032 times (zlib's technical notes): a larger claim is damage."""
MAX_SHEAR_DEGREES = 0.5
"""Axes may deviate from right angles by this much (1.7 mm over a 200 mm head); cohort grids have no shear."""
HEAD_BYTES = 4096
"""What `Format.sniff` gets to see of a file."""
KEPT_DTYPES = tuple(np.dtype(t) for t in ("uint8", "uint16", "int16", "float32"))
"""Shown by the viewer without conversion; others become float32 (exact for integers up to 2**24)."""


@dataclass(frozen=True, slots=True)
class Found:
    """One volume that a search came upon; nothing but headers has been read yet.

    Attributes
    ----------
    volume_loader
        Reads it.
    paths
        Every file that belongs to it.
    label
        What it is, without identity.
    format
        Key of the format.
    patient
        The patient's identifier if the file tells it: in memory only, never stored, logged or shown.
    """

    volume_loader: Callable[[], Volume] = field(repr=False)
    paths: tuple[Path, ...]
    label: str
    format: str
    patient: str | None = field(default=None, repr=False)

    def load(self) -> Volume:
        """Read the volume.

        Raises
        ------
        InputRefused
            Damaged, truncated or of a kind that cannot be read rightly.
        """
        with refusing(self.paths[0].name):
            return self.volume_loader()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file (or unreadable folder) that gives no volume, and why."""

    path: Path
    reason: str


Finding: TypeAlias = Found | Skipped


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: the one thing that a file of this folder defines, as ``FORMAT``.

    Attributes
    ----------
    key, label
        Name in the registry and in dialogs.
    suffixes
        Lower case, with the dot; the first is the one to write.
    sniff
        Whether the first bytes of a file (`HEAD_BYTES`) are of this format.
    read
        One file to one volume; may raise anything, callers go through `refusing`.
    write
        A volume to one file, or None where the format is only read.
    group
        Files to findings, where several files make one volume, with a `Progress` for each header that is
        read; None: one file, one volume.
    """

    key: str
    label: str
    suffixes: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    read: Callable[[Path], Volume]
    write: Callable[[Volume, Path], None] | None = None
    group: Callable[[Sequence[Path]], Iterator[Finding | Progress]] | None = None

    def claims(self, path: Path) -> bool:
        """Whether the name of ``path`` ends as this format's files do."""
        return path.name.lower().endswith(self.suffixes)


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into `InputRefused`.

    Decoders raise anything on damaged bytes, and their messages may quote header values: only the kind of
    error is told, the rest stays in ``__cause__``.
    """
    try:
        yield
    except MedSynthError:
        raise
    except MemoryError as error:
        raise InputRefused(
            f"{name} needs more memory than is free; close other programs or crop the image first."
        ) from error
    except OSError as error:
        why = error.strerror or "damaged or truncated"
        raise InputRefused(f"{name} cannot be read ({why}); check the file and copy it again.") from error
    except Exception as error:
        raise InputRefused(
            f"{name} is damaged or truncated ({type(error).__name__} while decoding); copy it again."
        ) from error


def check_claim(name: str, shape: Sequence[int], itemsize: int, available: int, ratio: int = 1) -> None:
    """Compare what a header claims with what the file can hold, before anything is allocated.

    Parameters
    ----------
    name
        File name for the message.
    shape, itemsize
        The claim: voxels along each axis and bytes per voxel.
    available
        Bytes in the file.
    ratio
        Largest possible compression of the format.

    Raises
    ------
    InputRefused
        Empty, larger than the file can hold, or larger than `MAX_VOXELS`.
    """
    voxels = 1
    for n in shape:
        voxels *= int(n)
    if any(n < 1 for n in shape):
        raise InputRefused(f"{name} has no voxels: its header gives the shape {tuple(map(int, shape))}.")
    if voxels * itemsize > available * ratio:
        raise InputRefused(
            f"{name} is truncated or its header is damaged: it claims {voxels * itemsize:,} bytes of voxels, "
            f"but the file has {available:,} for them; copy it again."
        )
    if voxels > MAX_VOXELS:
        raise InputRefused(
            f"{name} claims {voxels:,} voxels; at most {MAX_VOXELS:,} are read. Crop or downsample it first."
        )


def check_right_angles(name: str, affine: np.ndarray) -> None:
    """Refuse a sheared voxel grid: images are scaled and cropped along their axes.

    Raises
    ------
    InputRefused
        When two voxel axes deviate from 90 degrees by more than `MAX_SHEAR_DEGREES`.
    """
    axes = affine[:3, :3] / np.maximum(np.linalg.norm(affine[:3, :3], axis=0), 1e-30)
    cosines = np.abs([axes[:, 0] @ axes[:, 1], axes[:, 0] @ axes[:, 2], axes[:, 1] @ axes[:, 2]])
    shear = float(np.degrees(np.arcsin(min(1.0, cosines.max()))))
    if shear > MAX_SHEAR_DEGREES:
        raise InputRefused(
            f"{name} has voxel axes that are {shear:.1f} degrees off the right angle (gantry tilt or "
            f"a sheared registration; at most {MAX_SHEAR_DEGREES} are read); "
            "resample it to a straight grid first."
        )


def native(array: np.ndarray) -> np.ndarray:
    """Return numbers in one of `KEPT_DTYPES`, native byte order, contiguous."""
    dtype = array.dtype.newbyteorder("=")
    if dtype == np.bool_ or dtype == np.int8:
        dtype = np.dtype("uint8" if dtype == np.bool_ else "int16")
    elif dtype not in KEPT_DTYPES:
        dtype = np.dtype("float32")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(array, dtype)


def film_affine(spacing: Sequence[float]) -> np.ndarray:
    """(4, 4) of a picture as it is viewed: columns run to the patient's left, rows downwards."""
    return np.diag([-float(spacing[0]), -float(spacing[1]), float(spacing[2]), 1.0])


def as_film(volume: Volume) -> tuple[np.ndarray, tuple[float, ...]]:
    """Turn a volume to the viewing convention of pictures.

    Returns
    -------
    tuple
        (column, row, page) array with columns to the patient's left and rows downwards (of a single
        coronal or sagittal slice: in its own plane), and the spacing along these axes in mm.
    """
    upright = volume.canonical()
    array, spacing = upright.array, tuple(float(s) for s in upright.spacing)
    if 1 in array.shape and array.shape[2] != 1:
        thin = array.shape.index(1)
        array = np.moveaxis(array, thin, 2)
        spacing = (*spacing[:thin], *spacing[thin + 1 :], spacing[thin])
    return np.flip(array, (0, 1)), spacing
