"""To which study and series a DICOM file belongs: for sorting a folder, in memory only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pydicom

TAGS = ("StudyInstanceUID", "StudyDate", "StudyTime", "SeriesNumber", "SeriesInstanceUID")


@dataclass(frozen=True, slots=True)
class StudyPlace:
    """Where an image stands among a patient's.

    Attributes
    ----------
    study
        What tells the study: never shown.
    when
        Its date and time, to put studies in order: never shown.
    series
        Number of the series, 0 where the file has none.
    """

    study: str = field(repr=False)
    when: str = field(repr=False)
    series: int = 0


def study_place(path: Path) -> StudyPlace:
    """Read where an image stands; a file without a study is one of its own.

    Raises
    ------
    Exception
        Whatever pydicom raises on damaged bytes; callers go through `formats.base.refusing`.
    """
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS), force=True)
    number = str(header.get("SeriesNumber", "") or "")
    return StudyPlace(
        str(header.get("StudyInstanceUID", "") or ""),
        f"{header.get('StudyDate', '') or ''}{header.get('StudyTime', '') or ''}",
        int(number) if number.lstrip("-").isdigit() else 0,
    )
