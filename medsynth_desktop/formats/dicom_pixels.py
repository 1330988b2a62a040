"""From ordered slices to numbers in the unit that the header allows."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.base import check_claim, check_right_angles, film_affine, native, refusing
from medsynth_desktop.formats.dicom_enhanced import group
from medsynth_desktop.formats.dicom_geometry import affine_of
from medsynth_desktop.formats.dicom_header import Slice
from medsynth_desktop.formats.dicom_images import check_is_image, is_encapsulated
from medsynth_desktop.formats.dicom_units import Unit, inverted_is_shown, unit_of

END_OF_PIXELS = b"\xfe\xff\xdd\xe0\0\0\0\0"
"""Sequence delimitation item, with which compressed pixels end (PS3.5 A.4)."""
AGE_CAP = 90
"""Higher ages identify (HIPAA safe harbour) and are all told as this."""


def load_stack(slices: Sequence[Slice]) -> Volume:
    """Read the pixels of ordered slices.

    Returns
    -------
    Volume
        (column, row, slice); int16 where the rescale is whole-numbered, else float32.

    Raises
    ------
    InputRefused
        Truncated or undecodable pixels, slices that changed since the search.
    """
    first = slices[0]
    rows, columns = first.shape
    check_claim(first.path.name, (columns, rows, len(slices)), 1, 1 << 62)
    array = np.empty((columns, rows, len(slices)), np.float32)
    headers: dict[int, FileDataset] = {}
    whole = True
    opened: tuple[object, FileDataset, np.ndarray] | None = None
    for index, item in enumerate(slices):
        if opened is None or opened[0] != item.path:
            opened = (item.path, *_decode(item))
        _, dataset, pixels = opened
        headers.setdefault(0, dataset)
        frame = pixels[item.frame] if pixels.ndim == 3 else pixels
        values, exact = _rescaled(dataset, frame, item.frame)
        whole &= exact
        with np.errstate(over="ignore"):  # beyond float32: infinite, which a cohort refuses
            array[:, :, index] = values.T
    return _finish(array, whole, slices, headers[0])


def _decode(item: Slice) -> tuple[FileDataset, np.ndarray]:
    """Read one file whole."""
    with refusing(item.path.name):
        raw = item.path.read_bytes()
        dataset = pydicom.dcmread(BytesIO(raw), force=True)
        _check_whole(item.path.name, dataset, raw)
        check_is_image(item.path, dataset, len(raw))
        if not any(k in dataset for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
            raise InputRefused(f"{item.path.name} has no pixels; the file is truncated. Copy it again.")
        if not getattr(dataset.file_meta, "TransferSyntaxUID", None):
            dataset.file_meta.TransferSyntaxUID = _guess_syntax(dataset)
        pixels = dataset.pixel_array
    if pixels.shape[-2:] != item.shape:
        raise InputRefused(
            f"{item.path.name} changed while it was read: {pixels.shape[-2:]} pixels, {item.shape} expected."
        )
    return dataset, pixels


def _check_whole(name: str, dataset: FileDataset, raw: bytes) -> None:
    """Refuse encapsulated pixels without their end: some decoders would fill the rest with grey."""
    if is_encapsulated(dataset) and END_OF_PIXELS not in raw:
        raise InputRefused(f"{name} is truncated: its compressed pixels have no end; copy it again.")


def _guess_syntax(dataset: FileDataset) -> str:
    """Transfer syntax of a file without file meta, as pydicom parsed it."""
    implicit, little = dataset.original_encoding
    if implicit:
        return "1.2.840.10008.1.2"
    return "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"


def _rescaled(dataset: Dataset, frame: np.ndarray, index: int) -> tuple[np.ndarray, bool]:
    """Apply the modality transform of one frame; say whether the result is whole-numbered."""
    if "ModalityLUTSequence" in dataset:
        from pydicom.pixels import apply_modality_lut

        values, slope, intercept = apply_modality_lut(frame, dataset), 1.0, 0.0
    else:
        slope, intercept = _rescale(dataset, index)
        values = frame.astype(np.float64) * slope + intercept
    if inverted_is_shown(dataset):
        low, high = _stored_range(dataset)
        values = (low + high) * slope + 2 * intercept - values
    return values, frame.dtype.kind in "iub" and float(slope).is_integer() and float(intercept).is_integer()


def _rescale(dataset: Dataset, index: int) -> tuple[float, float]:
    """Slope and intercept of a frame: per frame, shared, or of the object."""
    source = dataset
    if "PerFrameFunctionalGroupsSequence" in dataset:
        shared = dataset.get("SharedFunctionalGroupsSequence")
        frame = dataset.PerFrameFunctionalGroupsSequence[index]
        source = group(frame, shared[0] if shared else Dataset(), "PixelValueTransformationSequence")
    slope, intercept = source.get("RescaleSlope"), source.get("RescaleIntercept")
    slope = 1.0 if slope is None else float(slope)
    intercept = 0.0 if intercept is None else float(intercept)
    if slope == 0 or not np.isfinite([slope, intercept]).all():
        raise InputRefused(
            f"The rescale slope is {slope:g} and the intercept {intercept:g}; the header is damaged."
        )
    return slope, intercept


def _stored_range(dataset: Dataset) -> tuple[float, float]:
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    return (
        (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1)
        if dataset.get("PixelRepresentation")
        else (0.0, 2.0**bits - 1)
    )


def _finish(array: np.ndarray, whole: bool, slices: Sequence[Slice], header: FileDataset) -> Volume:
    """Add unit, geometry and facts."""
    first = slices[0]
    unit = unit_of(header, slices)
    if unit.factor != 1.0:
        array *= np.float32(unit.factor)
        whole = False
    if whole and array.min() >= -(2**15) and array.max() < 2**15:
        array = array.astype(np.int16)
    affine, sides = _placed(slices, header)
    check_right_angles(first.path.name, affine)
    return Volume(
        native(array),
        affine,
        first.modality,
        unit.name,
        spaced=first.spacing is not None,
        patient=first.patient,
        window=_window(header, unit),
        laterality_known=sides,
        tags=_tags(header, unit),
    )


def _placed(slices: Sequence[Slice], header: Dataset) -> tuple[np.ndarray, bool]:
    """Affine, and whether the sides are known: by the plane, else by PatientOrientation of a frontal film."""
    first = slices[0]
    if first.orientation is not None:
        return affine_of(slices), True
    down, across = first.spacing or (1.0, 1.0)
    affine = film_affine((across, down, across))
    letters = [str(v) for v in header.get("PatientOrientation") or ()]
    if len(letters) != 2 or letters[0][:1] not in ("L", "R") or letters[1][:1] not in ("F", "H"):
        return affine, False
    signs = np.array([1.0 if letters[0][0] == "R" else -1.0, 1.0 if letters[1][0] == "H" else -1.0])
    return np.diag([signs[0] * across, signs[1] * down, across, 1.0]), True


def _window(header: Dataset, unit: Unit) -> tuple[float, float] | None:
    """Centre and width of the first window, in the volume's unit."""
    found = []
    for keyword in ("WindowCenter", "WindowWidth"):
        value = header.get(keyword)
        if value is None or value == "":
            return None
        found.append(float(np.atleast_1d(np.array(value, float))[0]) * unit.factor)
    return (found[0], found[1]) if found[1] > 0 and not inverted_is_shown(header) else None


def _tags(header: Dataset, unit: Unit) -> dict[str, str]:
    """Facts that carry no identity."""
    tags = {"unit_note": unit.note} if unit.note else {}
    sex = str(header.get("PatientSex") or "").strip()
    if sex in ("M", "F", "O"):
        tags["sex"] = sex
    age = str(header.get("PatientAge") or "")
    if len(age) == 4 and age[:3].isdigit() and age[3] in "YMWD":
        years = int(age[:3]) / {"Y": 1, "M": 12, "W": 52.18, "D": 365.25}[age[3]]
        tags["age"] = f"{min(years, AGE_CAP):.3g}"
    body = str(header.get("BodyPartExamined") or "").strip()
    if body.isalpha():
        tags["body_part"] = body.upper()
    if "PixelSpacing" not in header and "ImagerPixelSpacing" in header:
        tags["spacing_note"] = "at the detector"
    return tags
