"""A folder looked through before it is imported: sorted, pictured, and nobody named."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.workbench.browsing import NOBODY, Browsed, browse, pictures, thumbnail
from tests.formats.series import CT, series


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two patients; one has two studies, the later one first in the folder; a volume of nobody; two bad files."""
    whole = tmp_path / "disk"

    def place(name: str, patient: str, study: str, when: str, number: int) -> None:
        series(
            whole / name, prefix=name, PatientID=patient, PatientName=f"Doe^{patient}", StudyInstanceUID=study,
            SeriesInstanceUID=f"{study}.{number}", StudyDate=when, SeriesNumber=number, sop_class=CT, modality="CT",
            StudyDescription="Secret of Doe",
        )  # fmt: skip

    place("a", "Anna-77", "1.2.9", "20200202", 2)
    place("b", "Anna-77", "1.2.9", "20200202", 1)
    place("c", "Anna-77", "1.2.1", "20190101", 1)
    place("d", "Bert-88", "1.3.1", "20180101", 1)
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 5, 6), np.float32), np.eye(4)), whole / "e.nii.gz")
    (whole / "notes.txt").write_text("nothing")
    (whole / "broken.dcm").write_bytes(b"\0" * 50)
    return whole


@pytest.fixture
def browsed(folder: Path) -> Browsed:
    return drain(browse([folder]))


def test_sorted_by_patient_study_and_series(browsed: Browsed) -> None:
    rows = [(s.patient, s.study, s.paths[0].parent.name) for s in browsed.series]
    assert rows == [
        ("Patient 1", "Study 1", "c"),
        ("Patient 1", "Study 2", "b"),
        ("Patient 1", "Study 2", "a"),
        ("Patient 2", "Study 1", "d"),
        (NOBODY, "", "disk"),
    ]
    assert browsed.sentence() == "5 images of 2 patients; 2 files are not read."


def test_nobody_is_named(browsed: Browsed) -> None:
    said = repr([(s.patient, s.study, s.words) for s in browsed.series]) + repr(browsed.series[0].found)
    for secret in ("Anna", "Bert", "Doe", "1.2.9", "2020", "Secret"):
        assert secret not in said


def test_every_other_file_has_its_reason(browsed: Browsed) -> None:
    told = {path.name: reason for reason, paths in browsed.reasons for path in paths}
    assert set(told) == {"notes.txt", "broken.dcm"}
    assert all(told.values())


def test_a_picture_is_the_middle_slice(browsed: Browsed) -> None:
    picture = thumbnail(browsed.series[0].found)
    assert picture.shape == (3, 4)
    assert picture.dtype == np.uint8
    assert picture.max() > picture.min()


def test_pictures_come_one_by_one_and_a_damaged_one_is_none(browsed: Browsed) -> None:
    broken = browsed.series[3]
    for path in broken.paths:
        path.write_bytes(path.read_bytes()[:-10])
    items = [p.item for p in pictures(browsed.series)]
    assert [number for number, _ in items] == [0, 1, 2, 3, 4]
    assert [number for number, picture in items if picture is None] == [3]


@pytest.mark.realdata
def test_real_studies_are_told_apart(shared_data: Path) -> None:
    found = drain(browse([shared_data / "dicom-cases"]))
    assert len({s.patient for s in found.series}) > 3
    assert found.skipped
    assert sum(picture is not None for _, picture in (p.item for p in pictures(found.series[:6]))) >= 4
