"""Body-weight SUV against a hand computation, and the reasons why there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from medsynth_desktop.formats.read import read_volume
from tests.formats.series import CT, PET, series


def pet(folder: Path, drug: dict[str, Any] | None = None, **changes: Any) -> None:
    """A PET series: 70 kg, 350 MBq of F-18 (6586.2 s), injected 11:39:00, scanned from 13:02:44."""
    item = Dataset()
    values = {
        "RadionuclideTotalDose": 3.5e8,
        "RadionuclideHalfLife": 6586.2,
        "RadiopharmaceuticalStartTime": "113900.00",
    }
    for keyword, value in {**values, **(drug or {})}.items():
        setattr(item, keyword, value)
    facts: dict[str, Any] = {
        "Units": "BQML",
        "CorrectedImage": "DECY\\ATTN\\SCAT",
        "DecayCorrection": "START",
        "PatientWeight": 70.0,
        "SeriesDate": "20200102",
        "SeriesTime": "130244",
        "AcquisitionDate": "20200102",
        "AcquisitionTime": ["130244", "130544", "130844", "131144"],
        "RescaleSlope": 2.0,
        "RescaleIntercept": 0,
    }
    facts.update(changes)
    series(folder, sop_class=PET, modality="PT", **facts)
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.RadiopharmaceuticalInformationSequence = [item]
        dataset.save_as(path)


HAND = 70_000 / (3.5e8 * 2 ** (-5024 / 6586.2))
"""13:02:44 is 5024 s after 11:39:00."""


def test_suv_by_hand(tmp_path: Path) -> None:
    pet(tmp_path)
    volume = read_volume(tmp_path)
    assert volume.unit == "SUVbw"
    assert volume.array[1, 0, 3] == pytest.approx(301 * 2.0 * HAND, rel=1e-6)


def test_reconstruction_time_is_not_the_scan(tmp_path: Path) -> None:
    pet(tmp_path, SeriesTime="180000")
    assert read_volume(tmp_path).array[1, 0, 3] == pytest.approx(602 * HAND, rel=1e-6)


def test_correction_to_the_injection_needs_no_decay(tmp_path: Path) -> None:
    pet(tmp_path, DecayCorrection="ADMIN")
    assert read_volume(tmp_path).array[1, 0, 3] == pytest.approx(602 * 70_000 / 3.5e8, rel=1e-6)


def test_injection_before_midnight(tmp_path: Path) -> None:
    pet(tmp_path, {"RadiopharmaceuticalStartTime": "233900"}, SeriesTime="003900", AcquisitionTime="003900")
    expected = 602 * 70_000 / (3.5e8 * 2 ** (-3600 / 6586.2))
    assert read_volume(tmp_path).array[1, 0, 3] == pytest.approx(expected, rel=1e-6)


def test_full_injection_moment_wins(tmp_path: Path) -> None:
    pet(
        tmp_path,
        {"RadiopharmaceuticalStartDateTime": "20200102113900.00", "RadiopharmaceuticalStartTime": "0101"},
    )
    assert read_volume(tmp_path).array[1, 0, 3] == pytest.approx(602 * HAND, rel=1e-6)


@pytest.mark.parametrize(
    ("drug", "changes", "why"),
    [
        ({}, {"PatientWeight": 0}, "no weight"),
        ({"RadionuclideTotalDose": 350}, {}, "dose 350 Bq"),
        ({}, {"CorrectedImage": "ATTN"}, "not corrected"),
        ({}, {"DecayCorrection": "NONE"}, "not corrected"),
        ({"RadiopharmaceuticalStartTime": ""}, {}, "time missing"),
        ({"RadionuclideHalfLife": 60.0}, {}, "implausible"),
    ],
)
def test_without_the_tags_it_stays_in_becquerel(
    tmp_path: Path, drug: dict[str, Any], changes: dict[str, Any], why: str
) -> None:
    pet(tmp_path, drug, **changes)
    volume = read_volume(tmp_path)
    assert volume.unit == "BQML"
    assert why in volume.tags["unit_note"]
    assert volume.array[1, 0, 3] == 602


def test_ct_without_rescale_or_in_another_unit_is_not_hounsfield(tmp_path: Path) -> None:
    series(tmp_path / "bare", sop_class=CT, modality="CT")
    series(
        tmp_path / "density",
        sop_class=CT,
        modality="CT",
        RescaleSlope=1,
        RescaleIntercept=0,
        RescaleType="MGML",
    )
    assert read_volume(tmp_path / "bare").unit == ""
    assert read_volume(tmp_path / "density").unit == ""
