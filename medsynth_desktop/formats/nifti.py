"""NIfTI-1 and NIfTI-2 single files, plain or gzipped (https://nifti.nimh.nih.gov/nifti-1)."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.base import (
    MAX_DEFLATE_RATIO,
    Format,
    check_claim,
    check_right_angles,
    native,
)

MILLIMETRES = {0: 1.0, 1: 1e3, 2: 1.0, 3: 1e-3}
"""Of the low three bits of xyzt_units: unknown (taken as mm, as all readers do), m, mm, micrometre."""
NOTE = re.compile(r"^MedSynth modality=(\w{1,16}) unit=(\w{0,8}) spaced=([01]) sides=([01])(?: SYNTHETIC)?$")
"""What our writer puts into ``descrip``, since NIfTI has no place for it."""
GZIP = b"\x1f\x8b"


def _plain(head: bytes) -> bytes:
    """First bytes of the header, unzipped if need be."""
    if not head.startswith(GZIP):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 600)
    except zlib.error:
        return b""


def _version(head: bytes) -> int:
    """1 or 2 for single files, -1 for header and image pairs, 0 for anything else."""
    if head[344:348] == b"n+1\0":
        return 1
    if head[4:8] == b"n+2\0":
        return 2
    return -1 if head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0" else 0


def sniff(head: bytes) -> bool:
    """Whether ``head`` begins a NIfTI file."""
    return _version(_plain(head)) != 0


def read(path: Path) -> Volume:
    """Read one 3D image with its affine; scale factors applied.

    Raises
    ------
    InputRefused
        No NIfTI header, claims more than the file holds, time series, colour or complex numbers, shear.
    """
    with path.open("rb") as raw:
        head = raw.read(4096)
        version = _version(_plain(head))
        if version == -1:
            raise InputRefused(
                f"{path.name} is one half of a header and image pair; convert it to one .nii file."
            )
        if version == 0:
            raise InputRefused(
                f"{path.name} does not begin with a NIfTI header; it is damaged or of another format."
            )
        raw.seek(0)
        if head.startswith(GZIP):
            with gzip.GzipFile(fileobj=raw) as stream:
                return _read(path, version, stream, MAX_DEFLATE_RATIO)  # type: ignore[arg-type]
        return _read(path, version, raw, 1)


def _read(path: Path, version: int, stream: BinaryIO, ratio: int) -> Volume:
    import nibabel

    image_class = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
    image = image_class.from_stream(stream)
    header = image.header
    shape = _shape(path.name, header)
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise InputRefused(
            f"{path.name} holds {_kind(dtype)} voxels; one real number per voxel is read. "
            "Split or convert it first."
        )
    check_claim(path.name, shape, dtype.itemsize, path.stat().st_size, ratio)
    affine = _affine(path.name, header)
    array = np.asanyarray(image.dataobj).reshape(shape)
    if ratio > 1:
        _check_sum(stream)
    known = bool(header["sform_code"] > 0 or header["qform_code"] > 0)
    return _describe(native(array), affine, known, header)


def _check_sum(stream: BinaryIO) -> None:
    """Unzip to the end: only there gzip compares its checksum."""
    while stream.read(1 << 20):
        pass


def _shape(name: str, header: Any) -> tuple[int, ...]:
    """Three axes, whatever ones the header adds."""
    shape = [int(n) for n in header.get_data_shape()]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) > 3:
        raise InputRefused(
            f"{name} holds {int(np.prod(shape[3:]))} volumes (shape {tuple(shape)}); one is read. "
            "Split the series first."
        )
    if len(shape) < 2:
        raise InputRefused(f"{name} needs 2 or 3 axes; its header gives the shape {tuple(shape)}.")
    return tuple(shape + [1] * (3 - len(shape)))


def _kind(dtype: np.dtype) -> str:
    return {"c": "complex", "V": "colour"}.get(dtype.kind, str(dtype))


def _affine(name: str, header: Any) -> np.ndarray:
    """RAS millimetres: sform if it has a code, else qform, else the voxel sizes alone."""
    code = int(header["xyzt_units"]) & 7
    if code not in MILLIMETRES:
        raise InputRefused(
            f"{name} measures space in the unknown unit {code}; 1 (m), 2 (mm) or 3 (um) is read."
        )
    affine = np.asarray(header.get_best_affine(), float) * MILLIMETRES[code]
    affine[3] = [0, 0, 0, 1]
    if np.isfinite(affine).all():
        check_right_angles(name, affine)
    return affine


def _describe(array: np.ndarray, affine: np.ndarray, sides_known: bool, header: Any) -> Volume:
    """Add what the header says beyond numbers and geometry."""
    text = bytes(header["descrip"].tobytes()).split(b"\0")[0].decode("ascii", "replace")
    note = NOTE.match(text)
    if note is None:
        return Volume(array, affine, laterality_known=sides_known)
    modality, unit, spaced, sides = note.groups()
    return Volume(array, affine, modality, unit, spaced == "1", laterality_known=sides == "1")


def write(volume: Volume, path: Path) -> None:
    """Write NIfTI-1 with sform and qform in mm; voxels as they are, no scaling.

    Modality, unit and what is known of geometry go into ``descrip``.
    """
    import nibabel

    image = nibabel.Nifti1Image(native(volume.array), volume.affine)
    image.header.set_xyzt_units("mm" if volume.spaced else "unknown")
    image.header.set_slope_inter(1, 0)
    image.set_sform(volume.affine, 1)
    image.set_qform(volume.affine, 1)
    image.header["descrip"] = (
        f"MedSynth modality={volume.modality} unit={volume.unit} "
        f"spaced={int(volume.spaced)} sides={int(volume.laterality_known)}"
    ).encode("ascii", "replace")[:79]
    data = image.to_bytes()
    # mtime 0: equal volumes give equal bytes, so that a release can be hashed
    path.write_bytes(gzip.compress(data, 6, mtime=0) if path.name.lower().endswith(".gz") else data)


FORMAT = Format("nifti", "NIfTI", (".nii.gz", ".nii"), sniff, read, write)
