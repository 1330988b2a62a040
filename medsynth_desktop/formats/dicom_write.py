"""Synthetic volumes out as DICOM: one single-frame file per slice, marked synthetic by the standard's own tags.

Strict where reading is tolerant: an object leaves with its marks, its geometry and its rescale, or not at all.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat

from medsynth_desktop import __version__
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.base import check_right_angles
from medsynth_desktop.formats.dicom_iods import Kind, fill_kind, kind_of
from medsynth_desktop.formats.dicom_marks import mark_synthetic

IMPLEMENTATION_UID = "2.25.302829474291570434563923117418526270571"
"""Names this writer in file meta (made once from a random UUID)."""
MANUFACTURER = "MedSynth Desktop"


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What the caller states of a synthetic series.

    Attributes
    ----------
    patient_id
        Pseudonym of the synthetic subject; never a real patient's.
    derivation
        How the image came about, without identity (bundle hash, sampler, steps, seed).
    recognizable_visual_features
        Whether the surface could show a face: stated truthfully, synthetic or not.
    modality
        Overrides the volume's.
    study
        Text that series of one study share; by default each series is its own study.
    number
        Series Number.
    description
        Series Description.
    created
        Content date and time; empty in the file when None (PET demands one).
    sex, age
        Of the synthetic subject ("M", "F", "O" or ""; years), where it was sampled for them.
    """

    patient_id: str
    derivation: str
    recognizable_visual_features: bool
    modality: str = ""
    study: str = ""
    number: int = 1
    description: str = "Synthetic image"
    created: datetime | None = None
    sex: str = ""
    age: float | None = None


def write_synthetic_series(volume: Volume, folder: Path, facts: SeriesFacts) -> list[Path]:
    """Write ``volume`` as a DICOM series that says it is synthetic.

    Parameters
    ----------
    volume
        HU where the modality is CT, SUVbw where PT, else arbitrary. Whole numbers in 16 bits are stored as they are;
        others linearly in 16 bits, so a value read back is off by at most 1/131,070 of the range.
    folder
        Created if absent; receives ``IM00001.dcm`` and so on, upwards along the patient.
    facts
        See `SeriesFacts`.

    Returns
    -------
    list of Path
        The files in slice order. Equal volumes and facts give equal bytes.

    Raises
    ------
    InputRefused
        Values that are not finite, sheared axes, or a folder that does not take the files.
    """
    folder = Path(folder)
    modality = facts.modality or volume.modality
    kind = kind_of(modality, volume)
    _check(volume, facts, kind)
    array, affine = _as_slices(volume)
    stored, slope, intercept = quantise(array, offset=kind is not Kind.PT)
    identity = f"{hash_array(stored)} {slope} {intercept} {hash_array(affine)} {modality} {facts}"
    base = _series(volume, modality, kind, facts, identity)
    _describe_pixels(base, stored, slope, intercept, volume)
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(stored.shape[2]):
            dataset = _slice(base, stored[:, :, index], index, affine if kind.has_plane else None, identity)
            paths.append(folder / f"IM{index + 1:05d}.dcm")
            dataset.save_as(paths[-1], enforce_file_format=True)
    except OSError as error:
        raise InputRefused(
            f"The DICOM series cannot be written ({error.strerror or 'write failed'}); choose another folder."
        ) from error
    return paths


def _check(volume: Volume, facts: SeriesFacts, kind: Kind) -> None:
    if not facts.patient_id.strip() or not facts.derivation.strip():
        raise InputRefused(
            "A synthetic DICOM series needs a pseudonym and a derivation; both must not be empty."
        )
    if kind is Kind.PT and facts.created is None:
        raise InputRefused("A synthetic PET series needs the date and time of its making; none was given.")
    if not np.isfinite(volume.array).all():
        raise InputRefused(
            "The volume has values that are not numbers (NaN or infinite); DICOM cannot hold them."
        )
    check_right_angles("The volume", volume.affine)


def _as_slices(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """(column, row, slice) array as axial slices are viewed, and its affine to LPS mm."""
    upright = volume.canonical()
    array, affine = upright.array, np.diag([-1.0, -1.0, 1.0, 1.0]) @ upright.affine
    for axis in (0, 1):
        affine = affine @ _flip(axis, array.shape)
        array = np.flip(array, axis)
    if 1 in array.shape and array.shape[2] != 1:
        thin = array.shape.index(1)
        order = [a for a in range(3) if a != thin] + [thin]
        array, affine = array.transpose(order), affine[:, [*order, 3]]
    return array, affine


def _flip(axis: int, shape: tuple[int, ...]) -> np.ndarray:
    turn = np.eye(4)
    turn[axis, axis], turn[axis, 3] = -1, shape[axis] - 1
    return turn


def quantise(array: np.ndarray, offset: bool = True) -> tuple[np.ndarray, float, float]:
    """Fit numbers into 16 bits.

    Parameters
    ----------
    array
        Finite numbers.
    offset
        Whether an intercept is allowed (PET's rescale has none).

    Returns
    -------
    tuple
        int16 or uint16 array, slope and intercept with ``array = stored * slope + intercept``; slope and intercept
        are exactly what the sixteen characters of a DICOM decimal string hold.
    """
    low, high = float(array.min()), float(array.max())
    if np.array_equal(array, np.rint(array)) and -(2**15) <= low and high < 2**15:
        return array.astype(np.int16), 1.0, 0.0
    if offset:
        slope, intercept = _decimal((high - low) / 65535) or 1.0, _decimal(low)
        levels = np.rint((array.astype(np.float64) - intercept) / slope)
        return np.clip(levels, 0, 65535).astype(np.uint16), slope, intercept
    slope = _decimal(max(abs(low), abs(high)) / 32767)
    return np.clip(np.rint(array.astype(np.float64) / slope), -32768, 32767).astype(np.int16), slope, 0.0


def _decimal(value: float) -> float:
    return float(str(DSfloat(value, auto_format=True)))


def _series(volume: Volume, modality: str, kind: Kind, facts: SeriesFacts, identity: str) -> Dataset:
    """Everything that the slices share."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = kind.sop_class
    dataset.PatientName, dataset.PatientID = f"Synthetic^{facts.patient_id}", facts.patient_id
    dataset.PatientBirthDate, dataset.PatientSex = "", facts.sex
    if facts.age is not None:
        dataset.PatientAge = f"{min(max(round(facts.age), 0), 999):03d}Y"
    study = f"study {facts.patient_id} {facts.study or identity}"
    dataset.StudyInstanceUID = _uid(study)
    dataset.SeriesInstanceUID = _uid(f"series {identity}")
    if kind.has_plane:
        dataset.FrameOfReferenceUID = _uid(f"frame {study}")
        dataset.PositionReferenceIndicator = ""
    dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.StudyID, dataset.SeriesNumber = "SYNTHETIC", facts.number
    dataset.SeriesDescription = facts.description[:64]
    day, time = (facts.created.strftime(f) for f in ("%Y%m%d", "%H%M%S")) if facts.created else ("", "")
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = day
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = time
    dataset.Modality, dataset.Manufacturer = modality, MANUFACTURER
    dataset.ManufacturerModelName, dataset.SoftwareVersions = MANUFACTURER, __version__
    mark_synthetic(dataset, facts.derivation, facts.recognizable_visual_features)
    fill_kind(dataset, kind, volume)
    return dataset


def _describe_pixels(
    dataset: Dataset, stored: np.ndarray, slope: float, intercept: float, volume: Volume
) -> None:
    """Pixel description, rescale and window (from the volume, else its full range)."""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Columns, dataset.Rows = stored.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, int(stored.dtype.kind == "i")
    dataset.LossyImageCompression = "00"
    dataset.RescaleSlope, dataset.RescaleIntercept = _ds(slope), _ds(intercept)
    if dataset.Modality != "PT":
        dataset.RescaleType = "HU" if volume.unit == "HU" else "US"
    low, high = (float(v) * slope + intercept for v in (stored.min(), stored.max()))
    centre, width = volume.window or ((low + high) / 2, max(high - low, 1.0))
    dataset.WindowCenter, dataset.WindowWidth = _ds(centre), _ds(max(width, 1.0))


def _slice(
    base: Dataset, pixels: np.ndarray, index: int, affine: np.ndarray | None, identity: str
) -> FileDataset:
    """One file: what is shared, where it lies, its pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = base.SOPClassUID
    meta.MediaStorageSOPInstanceUID = _uid(f"slice {index} {identity}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = "MEDSYNTH"
    dataset = FileDataset("", base, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.InstanceNumber = index + 1
    if affine is not None:
        _place(dataset, affine, index)
    if base.Modality == "PT":
        dataset.ImageIndex = index + 1
    dataset.PixelData = np.ascontiguousarray(pixels.T).astype(pixels.dtype.newbyteorder("<")).tobytes()
    return dataset


def _place(dataset: Dataset, affine: np.ndarray, index: int) -> None:
    """Image Plane module (PS3.3 C.7.6.2) from an affine to LPS mm."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    across, down = affine[:3, 0] / spacing[0], affine[:3, 1] / spacing[1]
    dataset.PixelSpacing = [_ds(spacing[1]), _ds(spacing[0])]
    dataset.ImageOrientationPatient = [_ds(v) for v in (*across, *down)]
    dataset.ImagePositionPatient = [_ds(v) for v in (affine @ [0, 0, index, 1])[:3]]
    dataset.SliceThickness = _ds(spacing[2])
    if "SpacingBetweenSlices" in dataset:
        dataset.SpacingBetweenSlices = _ds(spacing[2])


def _ds(value: float) -> DSfloat:
    return DSfloat(float(value) + 0.0, auto_format=True)


def _uid(text: str) -> str:
    """2.25 UID from content, so that equal content gives equal files and no real image shares it."""
    return f"2.25.{uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4).int}"
