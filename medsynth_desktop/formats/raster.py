"""Pictures: PNG, JPEG and TIFF, the latter also as a stack of pages.

A picture knows nothing of the patient's sides, and its dots per inch describe paper: only ImageJ and OME
TIFF files state a voxel size that was meant as one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.base import Format, as_film, check_claim, film_affine, native

MAX_RATIO = 3000
"""Generous bound of what PNG, JPEG and TIFF compress; a larger claim is a decompression bomb."""
GREY_TOLERANCE = 3
"""Levels of 255 by which the channels of a grey JPEG may differ after lossy coding."""
SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
GREY_MODES = ("L", "1", "I", "I;16", "I;16B", "I;16L", "F")


def sniff(head: bytes) -> bool:
    """Whether ``head`` begins a PNG, JPEG or TIFF file."""
    return head.startswith((*SIGNATURES, *TIFFS))


def read(path: Path) -> Volume:
    """Read a grey picture as (column, row, 1), or the pages of a TIFF as (column, row, page).

    Raises
    ------
    InputRefused
        Colour, transparency, animation, pages of different sizes, claims beyond the file.
    """
    with path.open("rb") as stream:
        head = stream.read(32)
    if not sniff(head):
        raise InputRefused(
            f"{path.name} does not begin as a PNG, JPEG or TIFF picture; it is damaged or renamed."
        )
    if head.startswith(TIFFS):
        return _read_tiff(path)
    if head.startswith(SIGNATURES[0]) and head[24:25] == b"\x10" and head[25:26] in (b"\x02", b"\x06"):
        raise InputRefused(f"{path.name} is a 16-bit colour PNG; save it as 16-bit grey.")
    return _picture(_frames(path)[:, :, None])


def _picture(array: np.ndarray, spacing: tuple[float, float, float] | None = None) -> Volume:
    return Volume(
        native(array), film_affine(spacing or (1, 1, 1)), spaced=spacing is not None, laterality_known=False
    )


def _frames(path: Path) -> np.ndarray:
    """Decode by Pillow: (column, row) of one picture, (column, row, page) of a TIFF."""
    from PIL import Image, ImageOps

    size = path.stat().st_size
    with Image.open(path) as image:
        count = int(getattr(image, "n_frames", 1))
        tiff = image.format == "TIFF"
        if count > 1 and image.format == "PNG":
            raise InputRefused(f"{path.name} is an animation of {count} pictures; save the one you mean.")
        check_claim(path.name, (*image.size, count if tiff else 1), 1, size, MAX_RATIO)
        if not tiff:
            return _grey(path.name, ImageOps.exif_transpose(image)).T
        pages = []
        for page in range(count):
            image.seek(page)
            pages.append(_grey(path.name, image).T)
    return _stack(path.name, pages)


def _stack(name: str, pages: list[np.ndarray]) -> np.ndarray:
    """(column, row, page) of equal pages."""
    shapes = {p.shape for p in pages}
    if len(shapes) != 1:
        raise InputRefused(
            f"{name} has pages of different sizes ({sorted(shapes)}); save one stack per file."
        )
    return np.stack(pages, axis=2)


def _grey(name: str, image: Any) -> np.ndarray:
    """(row, column) numbers of a picture without colour."""
    if image.mode in GREY_MODES:
        return np.array(image)
    if image.mode in ("LA", "La"):
        grey, alpha = (np.array(c) for c in image.split())
        _check_opaque(name, alpha)
        return np.asarray(grey)
    channels = np.array(image.convert("RGBA"))
    _check_opaque(name, channels[..., 3])
    return _one_channel(name, channels[..., :3], GREY_TOLERANCE)


def _check_opaque(name: str, alpha: np.ndarray) -> None:
    if int(alpha.min()) < 255:
        raise InputRefused(f"{name} has transparent pixels; save it as plain grey.")


def _one_channel(name: str, channels: np.ndarray, tolerance: int) -> np.ndarray:
    """(..., 3) equal channels to one."""
    spread = int((channels.max(-1).astype(np.int64) - channels.min(-1)).max())
    if spread > tolerance:
        raise InputRefused(
            f"{name} is in colour (channels differ by up to {spread} levels); grey pictures are read. "
            "Convert it if its colours carry nothing."
        )
    return np.asarray(channels[..., 1])


def _read_tiff(path: Path) -> Volume:
    """Read pages as slices; tifffile knows ImageJ's voxel sizes, Pillow more compressions."""
    import tifffile

    size = path.stat().st_size
    with tifffile.TiffFile(path) as tiff:
        first = tiff.pages[0]
        count = len(tiff.pages)
        spacing = _tiff_spacing(tiff, first)
        if first.compression in (1, 8, 32946):
            check_claim(path.name, (*first.shape, count), first.dtype.itemsize, size, MAX_RATIO)
            array = _tiff_array(path.name, tiff)
        else:
            frames = _frames(path)
            array = frames if frames.ndim == 3 else frames[:, :, None]
        if first.photometric == 0 and array.dtype.kind == "u":  # MINISWHITE
            array = np.iinfo(array.dtype).max - array if first.compression in (1, 8, 32946) else array
    return _picture(array, spacing)


def _tiff_array(name: str, tiff: Any) -> np.ndarray:
    """(column, row, page)."""
    if len(tiff.series) != 1:
        raise InputRefused(
            f"{name} holds {len(tiff.series)} pictures of different kinds; save one stack per file."
        )
    series = tiff.series[0]
    check_claim(name, series.shape, series.dtype.itemsize, tiff.filehandle.size, MAX_RATIO)
    array = np.asarray(series.asarray())
    axes = series.axes
    if "S" in axes:
        if axes[-1] != "S" or array.shape[-1] != 3 or array.dtype.kind not in "iu":
            raise InputRefused(
                f"{name} has {array.shape[axes.index('S')]} channels; one grey channel is read."
            )
        array = _one_channel(name, array, 0)
    array = array.squeeze(tuple(i for i, n in enumerate(array.shape[:-2]) if n == 1))
    if array.ndim not in (2, 3) or array.dtype.kind not in "biuf":
        raise InputRefused(
            f"{name} is a TIFF of shape {array.shape} ({array.dtype}); one grey page or stack is read."
        )
    return array.T[:, :, None] if array.ndim == 2 else array.transpose(2, 1, 0)


def _tiff_spacing(tiff: Any, page: Any) -> tuple[float, float, float] | None:
    """Millimetres along (column, row, page) where ImageJ wrote them with a unit, else None."""
    notes = tiff.imagej_metadata or {}
    unit = {"mm": 1.0, "micron": 1e-3, "um": 1e-3, "\\u00B5m": 1e-3, "µm": 1e-3, "cm": 10.0}.get(
        str(notes.get("unit", ""))
    )
    x, y = page.tags.get("XResolution"), page.tags.get("YResolution")
    if unit is None or x is None or y is None or 0 in (*x.value, *y.value):
        return None
    across, down = (unit * v[1] / v[0] for v in (x.value, y.value))
    return float(across), float(down), float(notes.get("spacing", across / unit)) * unit


def write(volume: Volume, path: Path) -> None:
    """Write as viewed (columns to the patient's left): one picture as PNG, any stack as TIFF.

    PNG takes 8 or 16-bit integers as they are and scales other numbers to 16 bits over their own range; TIFF
    keeps 8 and 16-bit unsigned integers and float32, with the spacing as ImageJ writes it.

    Raises
    ------
    InputRefused
        A stack as PNG, or numbers that are not finite as PNG.
    """
    array, spacing = as_film(volume)
    if path.suffix.lower() in (".tif", ".tiff"):
        return _write_tiff(array, spacing if volume.spaced else None, path)
    if path.suffix.lower() != ".png":
        raise InputRefused(
            f"Pictures are written as .png or .tif, not {path.suffix}: JPEG would lose intensities."
        )
    if array.shape[2] != 1:
        raise InputRefused(
            f"PNG holds one picture, this volume has {array.shape[2]} slices; choose .tif or .nii.gz."
        )
    from PIL import Image

    Image.fromarray(np.ascontiguousarray(_sixteen_bits(array[:, :, 0]).T)).save(path, format="PNG")
    return None


def _sixteen_bits(array: np.ndarray) -> np.ndarray:
    if array.dtype in (np.uint8, np.uint16):
        return array
    if not np.isfinite(array).all():
        raise InputRefused(
            "The picture has values that are not numbers (NaN or infinite); PNG cannot hold them."
        )
    low, high = float(array.min()), float(array.max())
    scale = 65535 / (high - low) if high > low else 0.0
    return np.round((array.astype(np.float64) - low) * scale).astype(np.uint16)


def _write_tiff(array: np.ndarray, spacing: tuple[float, ...] | None, path: Path) -> None:
    import tifffile

    pages = np.ascontiguousarray(array.transpose(2, 1, 0))
    if pages.dtype not in (np.uint8, np.uint16, np.float32):
        pages = pages.astype(np.float32)
    if spacing is None:
        tifffile.imwrite(path, pages, imagej=True, metadata={"axes": "ZYX"})
        return
    tifffile.imwrite(
        path,
        pages,
        imagej=True,
        resolution=(1 / spacing[0], 1 / spacing[1]),
        metadata={"axes": "ZYX", "spacing": spacing[2], "unit": "mm"},
    )


FORMAT = Format(
    "raster", "Picture (PNG, JPEG, TIFF)", (".png", ".tif", ".tiff", ".jpg", ".jpeg"), sniff, read, write
)
