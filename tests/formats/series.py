"""Small DICOM files with true geometry, made for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
PET = "1.2.840.10008.5.1.4.1.1.128"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
AXIAL = (1, 0, 0, 0, 1, 0)
CORONAL = (1, 0, 0, 0, 0, -1)


def dataset(pixels: np.ndarray, sop_class: str = MR, modality: str = "MR", **attributes: Any) -> FileDataset:
    """A grey image of (rows, columns) or (frames, rows, columns) pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = attributes.get("SOPInstanceUID") or pydicom.uid.generate_uid()
    result = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    result.SOPClassUID, result.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    result.Modality, result.PatientID = modality, "PATIENT-7"
    result.StudyInstanceUID, result.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    result.SamplesPerPixel, result.PhotometricInterpretation = 1, "MONOCHROME2"
    result.Rows, result.Columns = pixels.shape[-2:]
    result.BitsAllocated = result.BitsStored = 8 * pixels.itemsize
    result.HighBit = result.BitsStored - 1
    result.PixelRepresentation = int(pixels.dtype.kind == "i")
    result.PixelSpacing = [2.0, 1.5]
    if pixels.ndim == 3:
        result.NumberOfFrames = len(pixels)
    result.PixelData = np.ascontiguousarray(pixels).tobytes()
    for keyword, value in attributes.items():
        setattr(result, keyword, value)
    return result


def save(item: FileDataset, path: Path) -> Path:
    """Write one file with its preamble."""
    path.parent.mkdir(parents=True, exist_ok=True)
    item.save_as(path, enforce_file_format=True)
    return path


def series(
    folder: Path,
    depths: Sequence[float] = (0, 3, 6, 9),
    orientation: Sequence[float] = AXIAL,
    shift: float = 0.0,
    prefix: str = "s",
    **attributes: Any,
) -> list[Path]:
    """One slice at each depth along the normal; slice i holds i * 10 plus a ramp over its 3 rows, 4 columns.

    ``shift`` moves each slice along its rows by that share of its depth: a gantry tilt.
    """
    across, down = np.array(orientation[:3], float), np.array(orientation[3:], float)
    normal = np.cross(across, down)
    paths = []
    for index, depth in enumerate(depths):
        position = np.array([10.0, 20.0, 30.0]) + normal * depth + down * depth * shift
        pixels = (np.arange(12).reshape(3, 4) + 100 * index).astype(np.int16)
        item = dataset(
            pixels,
            ImageOrientationPatient=list(map(float, orientation)),
            ImagePositionPatient=[float(p) for p in position],
            InstanceNumber=index + 1,
            **{k: (v[index] if isinstance(v, list) else v) for k, v in attributes.items()},
        )
        paths.append(save(item, folder / f"{prefix}{index:03d}.dcm"))
    return paths


def enhanced(
    depths: Sequence[float],
    orientations: Sequence[Sequence[float]] | None = None,
    slopes: Sequence[float] | None = None,
) -> FileDataset:
    """An Enhanced MR object; frame i holds i * 100 plus a ramp."""
    count = len(depths)
    pixels = np.stack([(np.arange(12).reshape(3, 4) + 100 * i).astype(np.uint16) for i in range(count)])
    item = dataset(pixels, ENHANCED_MR)
    del item.PixelSpacing
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [2.0, 1.5], 3.0
    shared.PixelMeasuresSequence = [measures]
    item.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for index, depth in enumerate(depths):
        cosines = (orientations or [AXIAL] * count)[index]
        place, direction, transform, frame = Dataset(), Dataset(), Dataset(), Dataset()
        normal = np.cross(cosines[:3], cosines[3:])
        place.ImagePositionPatient = [float(v) for v in normal * depth]
        direction.ImageOrientationPatient = list(map(float, cosines))
        transform.RescaleSlope, transform.RescaleIntercept = (slopes or [1.0] * count)[index], 0
        frame.PlanePositionSequence, frame.PlaneOrientationSequence = [place], [direction]
        frame.PixelValueTransformationSequence = [transform]
        frames.append(frame)
    item.PerFrameFunctionalGroupsSequence = frames
    return item
