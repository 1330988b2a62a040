"""The marks by which the DICOM standard lets an image say that it depicts no patient.

Synthetic Data (0008,001C) and the code (109100, DCM, "Synthesizing Equipment") are PS3.3 C.12.1 and PS3.16 CID 7005.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medsynth_desktop import __version__

SYNTHETIC_DATA = (0x0008, 0x001C)
SYNTHESIZING_EQUIPMENT = ("109100", "DCM", "Synthesizing Equipment")
DEIDENTIFICATION = "Synthetic image; depicts no patient"


def mark_synthetic(dataset: Dataset, derivation: str, recognizable: bool) -> None:
    """Mark ``dataset`` as synthetic, derived, for research, without identity.

    Parameters
    ----------
    dataset
        Changed in place.
    derivation
        How it came about; cut to the 1024 characters of the attribute.
    recognizable
        Whether visual features could be recognised, a face for instance.
    """
    dataset.add_new(SYNTHETIC_DATA, "CS", "YES")
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    dataset.DerivationDescription = derivation[:1024]
    dataset.ContentQualification = "RESEARCH"
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = DEIDENTIFICATION
    dataset.BurnedInAnnotation = "NO"
    dataset.RecognizableVisualFeatures = "YES" if recognizable else "NO"
    equipment = Dataset()
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = SYNTHESIZING_EQUIPMENT
    equipment.PurposeOfReferenceCodeSequence = Sequence([purpose])
    equipment.Manufacturer = equipment.ManufacturerModelName = "MedSynth Desktop"
    equipment.SoftwareVersions = __version__
    equipment.ContributionDescription = "Sampled from a generative model"
    dataset.ContributingEquipmentSequence = Sequence([equipment])
