"""Whose image it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_desktop.cohorts.participants import Participants
from medsynth_desktop.cohorts.patients import Owners
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.formats.read import Found


def found(path: str, patient: str | None = None, kind: str = "nifti") -> Found:
    return Found(lambda: None, (Path(path),), "", kind, patient)  # type: ignore[arg-type,return-value]


def table(tmp_path: Path, text: str) -> Participants:
    path = tmp_path / "participants.csv"
    path.write_text(text)
    return Participants.read(path)


@pytest.mark.parametrize(
    ("path", "patient"),
    [
        ("/d/sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz", "sub-01"),
        ("/d/sub-A7/anat/T1w.nii.gz", "sub-A7"),
        ("/d/t1/IXI013-HH-1212_T1.nii.gz", "IXI013-HH-1212"),
        ("/d/IXI013-HH-1212.nii", "IXI013-HH-1212"),
        ("/d/PNEUMONIA/person12_bacteria_34.jpeg", "person12"),
        ("/d/NORMAL/IM-0003-0001.jpeg", "IM-0003"),
        ("/d/NORMAL/NORMAL2-IM-0003-0001.jpeg", "NORMAL2-IM-0003"),
        ("/d/hippocampus_001.nii.gz", "hippocampus_001"),
        ("/d/patient7/T1.nii.gz", "patient7"),
        ("/d/T1_007.nii.gz", "007"),
        ("/d/IXI013-HH-1212-T1.nii.gz", "IXI013-HH-1212"),
        ("/d/P001-ses1-T1w.nii", "P001"),
        ("/d/P001 slice 3.png", "P001"),
        ("/d/Patient 7 T1.nii", "Patient 7"),
        ("/d/patient01.scan2.nii", "patient01"),
        ("/d/T2-007.nii", "007"),
        ("/d/T1w-brain_007.nii", "007"),
        ("/d/patient7/T1-brain.nii", "patient7"),
        ("/d/scan.nii", "scan"),
        ("/d/.nii", ".nii"),
    ],
)
def test_names_tell_the_patient(path: str, patient: str) -> None:
    assert Owners(roots=[Path("/d")]).of(found(path)).identifier == patient


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("site2-0042.nii", "site2-0043.nii"),
        ("HOSP1-CT-0042.nii", "HOSP1-CT-0043.nii"),
        ("Hospital1 Patient 7 T1.nii", "Hospital1 Patient 8 T1.nii"),
        ("scan-12.nii", "scan-13.nii"),
        ("slice 3.png", "slice 4.png"),
        ("no (12).jpg", "no (13).jpg"),
        ("1.2.840.113619.2.5.dat", "1.2.840.113619.2.6.dat"),
    ],
)
def test_what_may_be_two_patients_is_not_taken_as_one(one: str, other: str) -> None:
    owners = Owners(roots=[Path("/d")])
    assert owners.of(found(f"/d/{one}")).identifier != owners.of(found(f"/d/{other}")).identifier


def test_dicom_without_an_identifier_belongs_to_its_folder() -> None:
    assert Owners(roots=[Path("/d")]).of(found("/d/case 4/1.dcm", None, "dicom")).identifier == "case 4"
    assert Owners().of(found("/d/case 4/1.dcm", " 0815 ", "dicom")).identifier == "0815"


def test_a_pattern_looks_at_the_name_then_at_folders_below_what_was_given() -> None:
    owners = Owners(pattern=r"case(\d+)", roots=[Path("/case99/d")])
    assert owners.of(found("/case99/d/case7/case8.nii")).identifier == "8"
    assert owners.of(found("/case99/d/case7/a1.nii")).identifier == "7"
    assert owners.of(found("/case99/d/x/a1.nii")).identifier == "a1"
    assert Owners(pattern=r"case\d+").of(found("/d/case8.nii", "header")).identifier == "case8"


def test_participants_by_beginning_of_the_name(tmp_path: Path) -> None:
    people = table(tmp_path, "participant_id\tage\tsex\tphone\n013\t46,7\tM\t555\n0131\tn/a\tF\t556\n")
    owners = Owners(people, roots=[Path("/d")])
    first = owners.of(found("/d/013_T1.nii"))
    assert (first.identifier, first.attributes) == ("013", {"age": 46.7, "sex": "M"})
    second = owners.of(found("/d/0131-T1.nii"))
    assert (second.identifier, second.attributes) == ("0131", {"sex": "F"})
    assert owners.of(found("/d/0131/T1.nii")).identifier == "0131"
    assert owners.of(found("/d/1.dcm", "013", "dicom")).attributes == {"age": 46.7, "sex": "M"}
    assert owners.of(found("/d/01_T1.nii")).attributes == {}


def test_participants_by_file(tmp_path: Path) -> None:
    people = table(
        tmp_path, "file,orig_split,label,patient_id\na/1.png,train,normal,p1\nb/1.png,test,virus,p2\n"
    )
    owners = Owners(people, roots=[Path("/d")])
    assert owners.of(found("/d/a/1.png")).identifier == "p1"
    assert owners.of(found("/d/b/1.png")).attributes == {"label": "virus"}
    assert owners.of(found("/d/c/1.png")).identifier == "1"


def test_a_table_that_gives_a_file_to_two_patients_is_refused(tmp_path: Path) -> None:
    people = table(tmp_path, "filename,patient_id\n1.png,p1\n1.png,p2\n")
    with pytest.raises(InputRefused, match="gives 1.png to 2 patients"):
        Owners(people).of(found("/d/1.png"))


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "needs a column"),
        (b"name,age\nErika,44\n", "needs a column"),
        (b"participant_id\n\n\n", "names no participant"),
        (b"\xff\xfe\x00\x01" * 50, "needs a column"),
        (b'participant_id\n"' + b"x" * 200_000, "no CSV file"),
    ],
)
def test_a_bad_table_is_told(tmp_path: Path, data: bytes, part: str) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(data)
    with pytest.raises(InputRefused, match=part):
        Participants.read(path)


def test_a_table_that_fits_no_image_is_refused(tmp_path: Path) -> None:
    owners = Owners(table(tmp_path, "participant_id\nsub-01\n"))
    owners.of(found("/d/other.nii"))
    with pytest.raises(InputRefused, match="fits none of the 1 images"):
        owners.check_used()
