"""Which DICOM object a synthetic volume becomes, and the attributes that this object demands (PS3.3 annex A)."""

from __future__ import annotations

from enum import Enum

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medsynth_desktop.core.volume import Volume


class Kind(Enum):
    """The objects that are written; the value is the SOP Class UID."""

    CT = "1.2.840.10008.5.1.4.1.1.2"
    MR = "1.2.840.10008.5.1.4.1.1.4"
    PT = "1.2.840.10008.5.1.4.1.1.128"
    CR = "1.2.840.10008.5.1.4.1.1.1"
    CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
    PLACED_CAPTURE = "1.2.840.10008.5.1.4.1.1.7 "

    @property
    def sop_class(self) -> str:
        """SOP Class UID."""
        return self.value.strip()

    @property
    def has_plane(self) -> bool:
        """Whether its slices have a place in the patient."""
        return self not in (Kind.CR, Kind.CAPTURE)


def kind_of(modality: str, volume: Volume) -> Kind:
    """Choose the object: by modality where geometry and unit are truly known, else a secondary capture.

    A CT must be in HU and a PET in SUV; a volume of unknown modality is a secondary capture that keeps its planes.
    """
    placed = volume.spaced and volume.laterality_known
    if placed and (modality == "MR" or (modality, volume.unit) in (("CT", "HU"), ("PT", "SUVbw"))):
        return Kind[modality]
    if volume.is_2d and modality == "CR":
        return Kind.CR
    return Kind.CAPTURE if volume.is_2d or not volume.spaced else Kind.PLACED_CAPTURE


def fill_kind(dataset: Dataset, kind: Kind, volume: Volume) -> None:
    """Set what the object demands; what synthesis cannot know is empty where the standard allows it."""
    dataset.PatientOrientation = (
        ["L", "P"] if kind.has_plane else ["L", "F"] if volume.laterality_known else ""
    )
    dataset.Laterality = ""
    if kind.has_plane and kind is not Kind.PT:
        dataset.PatientPosition = "HFS"
    dataset.AcquisitionNumber = None
    if kind is Kind.CT:
        dataset.KVP = None
    elif kind is Kind.MR:
        _fill_mr(dataset)
    elif kind is Kind.PT:
        _fill_pet(dataset, volume)
    elif kind is Kind.CR:
        dataset.BodyPartExamined = dataset.ViewPosition = ""
    else:
        dataset.ConversionType = "WSD"
    if not kind.has_plane and volume.spaced:
        dataset.PixelSpacing = [float(volume.spacing[1]), float(volume.spacing[0])]
        dataset.PixelSpacingCalibrationType = "GEOMETRY"
        dataset.PixelSpacingCalibrationDescription = "Grid of the generative model"


def _fill_mr(dataset: Dataset) -> None:
    dataset.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "RM", "NONE", ""
    dataset.MRAcquisitionType = "3D"
    dataset.RepetitionTime = dataset.EchoTime = dataset.EchoTrainLength = None
    dataset.SpacingBetweenSlices = None


def _fill_pet(dataset: Dataset, volume: Volume) -> None:
    """PET series and image modules: SUV directly (GML, body weight), no decay, no drug."""
    dataset.ImageType = ["DERIVED", "PRIMARY"]  # C.8.9.4.1.3 allows no other second value
    dataset.Units, dataset.SUVType, dataset.CountsSource = "GML", "BW", "EMISSION"
    dataset.SeriesType, dataset.NumberOfSlices = ["STATIC", "IMAGE"], volume.array.shape[2]
    dataset.CorrectedImage, dataset.DecayCorrection, dataset.CollimatorType = ["ATTN"], "NONE", "NONE"
    dataset.FrameReferenceTime, dataset.ActualFrameDuration = 0, 1
    dataset.AcquisitionDate = dataset.AcquisitionTime = ""
    drug = Dataset()
    drug.RadionuclideCodeSequence = Sequence([])
    dataset.RadiopharmaceuticalInformationSequence = Sequence([drug])
    dataset.PatientOrientationCodeSequence = Sequence([])
    dataset.PatientGantryRelationshipCodeSequence = Sequence([])
