"""What the grouping of DICOM files needs to know of each slice, read without touching a pixel."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset

from medsynth_desktop.formats.dicom_images import check_is_image

# Tolerant when reading: real headers break value rules that do not concern us, each with a warning.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
# The window shows each warning to the user; what matters of a damaged header is told as a reason.
warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")

PLANE = ("ImageOrientationPatient", "ImagePositionPatient")
TOLD_APART_BY = (
    "StackID",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "EchoNumbers",
    "EchoTime",
    "EffectiveEchoTime",
    "DiffusionBValue",
    "DiffusionGradientOrientation",
    "InversionTime",
    "FlipAngle",
    "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "ImageType",
    "FrameType",
    "AcquisitionNumber",
    "ConvolutionKernel",
    "ContrastBolusAgent",
    "AcquisitionTime",
    "ContentTime",
)
"""Attributes that may tell two images at one position apart, most meaningful first."""
HEADER_TAGS = (
    *PLANE,
    *TOLD_APART_BY,
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "Modality",
    "InstanceNumber",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "BitsAllocated",
    "PhotometricInterpretation",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "RescaleSlope",
    "AcquisitionDate",
)


@dataclass(frozen=True, slots=True)
class Slice:
    """One image plane: a single-frame file, or one frame of a multi-frame object.

    Attributes
    ----------
    path, frame
        Where the pixels are; ``frame`` counts from 0.
    series
        What must be equal in one volume: patient, series, class, size, spacing.
    sop
        SOP Instance UID, to notice copies.
    shape
        Rows, columns.
    orientation, position
        LPS direction cosines (6) and millimetres (3), or None for a projection.
    spacing
        Millimetres between rows and between columns, or None.
    thickness
        Nominal millimetres, or 0.
    facts
        Values of `TOLD_APART_BY`, as text.
    """

    path: Path
    frame: int
    series: tuple[str, ...]
    sop: str
    shape: tuple[int, int]
    modality: str
    orientation: tuple[float, ...] | None
    position: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    thickness: float
    number: int
    patient: str | None = field(repr=False)
    facts: dict[str, str] = field(default_factory=dict)


def open_header(path: Path) -> FileDataset:
    """Read what grouping needs; files without the preamble are tried too.

    Raises
    ------
    InputRefused
        Not an image, or an image that cannot be decoded here.
    """
    with path.open("rb") as stream:
        header = pydicom.dcmread(stream, stop_before_pixels=True, force=True, specific_tags=list(HEADER_TAGS))
        rest = path.stat().st_size - stream.tell()
    check_is_image(path, header, rest)
    return header


def slice_of(path: Path, header: Dataset) -> Slice:
    """Facts of a single-frame file."""
    orientation, position = (numbers(header.get(k)) for k in PLANE)
    whole = orientation is not None and position is not None and len(orientation) == 6 and len(position) == 3
    spacing = plane_spacing(header)
    return Slice(
        path,
        0,
        series_key(header),
        str(header.get("SOPInstanceUID", "")),
        (int(header.Rows), int(header.Columns)),
        str(header.get("Modality") or "OT"),
        orientation if whole else None,
        position if whole else None,
        spacing,
        positive(header.get("SliceThickness")) or positive(header.get("SpacingBetweenSlices")),
        int(header.get("InstanceNumber") or 0),
        patient_of(header),
        told_apart(header),
    )


def series_key(header: Dataset) -> tuple[str, ...]:
    """Tell what slices of one volume share; the patient too, since careless copies share series UIDs."""
    keys = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "Rows", "Columns")
    spacing = plane_spacing(header)
    return (*(str(header.get(k, "")) for k in keys), " ".join(f"{s:.4g}" for s in spacing or ()))


def patient_of(header: Dataset) -> str | None:
    """Key of the patient: the ID, else a digest of name and birth date, else None."""
    number = str(header.get("PatientID") or "").strip()
    if number:
        return number
    name = f"{header.get('PatientName') or ''}".strip()
    if not name:
        return None
    return (
        "name:" + hashlib.sha256(f"{name}|{header.get('PatientBirthDate') or ''}".encode()).hexdigest()[:20]
    )


def told_apart(header: Dataset) -> dict[str, str]:
    """Values of `TOLD_APART_BY` that are present."""
    return {k: str(header.get(k)) for k in TOLD_APART_BY if header.get(k) not in (None, "")}


def numbers(value: Any) -> tuple[float, ...] | None:
    """Finite numbers of a multi-valued attribute, or None."""
    if value is None or isinstance(value, str):
        return None
    values = np.atleast_1d(np.array(value, dtype=float))
    return tuple(float(v) for v in values) if values.size and np.isfinite(values).all() else None


def positive(value: Any) -> float:
    """Return a positive finite number, else 0."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    return number if np.isfinite(number) and number > 0 else 0.0


def plane_spacing(header: Dataset) -> tuple[float, float] | None:
    """Millimetres between rows and between columns; of a projection without calibration, at the detector."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        values = numbers(header.get(keyword))
        if values is not None and len(values) == 2 and min(values) > 0:
            return values[0], values[1]
    return None
