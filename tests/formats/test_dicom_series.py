"""DICOM series: grouped, ordered and placed rightly, or refused with numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.formats.read import Found, Skipped, find_volumes, read_volume
from tests.formats.series import AXIAL, CORONAL, CT, DX, dataset, enhanced, save, series


def findings(folder: Path) -> tuple[list[Found], list[Skipped]]:
    """Found and skipped, after checking that each file is in exactly one."""
    items = list(find_volumes([folder]))
    found = [f for f in items if isinstance(f, Found)]
    skipped = [s for s in items if isinstance(s, Skipped)]
    named = [p for f in found for p in f.paths] + [s.path for s in skipped]
    assert sorted(named) == sorted(p for p in folder.rglob("*") if p.is_file())
    return found, skipped


def test_axial_series_has_hand_computed_geometry(tmp_path: Path) -> None:
    series(tmp_path)
    volume = read_volume(tmp_path)
    assert volume.array.shape == (4, 3, 4)
    expected = np.diag([-1.5, -2.0, 3.0, 1.0])
    expected[:3, 3] = [-10, -20, 30]
    np.testing.assert_allclose(volume.affine, expected)
    assert volume.array[3, 2, 1] == 100 + 2 * 4 + 3
    assert (volume.modality, volume.patient, volume.spaced) == ("MR", "PATIENT-7", True)


def test_file_names_and_instance_numbers_do_not_order(tmp_path: Path) -> None:
    series(tmp_path, depths=(9, 0, 6, 3))
    volume = read_volume(tmp_path)
    assert volume.array[0, 0].tolist() == [100, 300, 200, 0]
    assert volume.affine[2, 3] == 30


def test_oblique_series_keeps_its_directions(tmp_path: Path) -> None:
    angle = np.radians(20)
    series(tmp_path, orientation=(1, 0, 0, 0, np.cos(angle), np.sin(angle)))
    volume = read_volume(tmp_path)
    np.testing.assert_allclose(volume.spacing, [1.5, 2.0, 3.0], rtol=1e-6)
    np.testing.assert_allclose(volume.affine[:3, 1] / 2, [0, -np.cos(angle), np.sin(angle)], atol=1e-6)


def test_two_orientations_and_two_patients_are_told_apart(tmp_path: Path) -> None:
    series(tmp_path, prefix="axial")
    series(tmp_path, prefix="coronal", orientation=CORONAL)
    series(tmp_path, prefix="other", PatientID="PATIENT-8")
    found, skipped = findings(tmp_path)
    assert not skipped
    assert sorted((f.patient, len(f.paths)) for f in found) == [
        ("PATIENT-7", 4),
        ("PATIENT-7", 4),
        ("PATIENT-8", 4),
    ]
    with pytest.raises(InputRefused, match="holds 3 volumes"):
        read_volume(tmp_path)


@pytest.mark.parametrize(
    ("depths", "shift", "told"),
    [
        (
            (0, 1, 2, 4, 5),
            0.0,
            "1 of 6 slices is missing: the distance is 1.00 mm, but 2.00 mm after slice 3",
        ),
        ((0, 4, 8, 9.08, 16.08), 0.0, "from 1.08 to 7.00 mm"),
        ((0, 3, 6, 9), np.tan(np.radians(18.5)), "18.5 degrees"),
    ],
)
def test_bent_stacks_are_refused_with_numbers(
    tmp_path: Path, depths: tuple[float, ...], shift: float, told: str
) -> None:
    series(tmp_path, depths=depths, shift=shift)
    found, skipped = findings(tmp_path)
    assert not found
    assert len(skipped) == len(depths)
    assert all(told in s.reason for s in skipped)


def test_rounded_positions_are_no_gap(tmp_path: Path) -> None:
    series(tmp_path, depths=(0.0, 3.4, 6.7, 10.1, 13.5))
    assert read_volume(tmp_path).spacing[2] == pytest.approx(3.375)


def test_copies_are_listed_not_stacked(tmp_path: Path) -> None:
    series(tmp_path / "a", SOPInstanceUID=["1.1", "1.2", "1.3", "1.4"])
    series(tmp_path / "b", SOPInstanceUID=["1.1", "1.2", "1.3", "1.4"])
    found, skipped = findings(tmp_path)
    assert [len(f.paths) for f in found] == [4]
    assert len(skipped) == 4
    assert "same image as s000.dcm" in skipped[0].reason


def test_copies_of_films_and_of_multiframe_objects_are_listed(tmp_path: Path) -> None:
    film = dataset(np.ones((2, 2), np.uint16), DX, "DX")
    save(film, tmp_path / "a.dcm")
    save(film, tmp_path / "copy.dcm")
    stack = enhanced([0, 3])
    save(stack, tmp_path / "stack.dcm")
    save(stack, tmp_path / "stack-copy.dcm")
    found, skipped = findings(tmp_path)
    assert [len(f.paths) for f in found] == [1, 1]
    assert [("same image" in s.reason) for s in skipped] == [True, True]


def test_echoes_at_one_place_become_two_volumes(tmp_path: Path) -> None:
    series(tmp_path, prefix="first", EchoTime=10.0)
    series(tmp_path, prefix="second", EchoTime=90.0)
    found, skipped = findings(tmp_path)
    assert not skipped
    assert [f.load().array.shape for f in found] == [(4, 3, 4)] * 2
    assert {p.name[:5] for p in found[0].paths} in ({"first"}, {"secon"})


def test_stacks_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    series(tmp_path, prefix="first")
    series(tmp_path, prefix="second")
    found, skipped = findings(tmp_path)
    assert not found
    assert "Several stacks in one series: 8 images at 4 places" in skipped[0].reason


def test_acquisition_numbers_do_not_split_one_stack(tmp_path: Path) -> None:
    series(tmp_path, AcquisitionNumber=[1, 1, 2, 2])
    assert read_volume(tmp_path).array.shape == (4, 3, 4)


def test_ct_is_rescaled_to_hounsfield_units(tmp_path: Path) -> None:
    series(tmp_path, sop_class=CT, modality="CT", RescaleSlope=2, RescaleIntercept=-1000)
    volume = read_volume(tmp_path)
    assert (volume.unit, volume.array.dtype) == ("HU", np.int16)
    assert volume.array[1, 0, 2] == 2 * 201 - 1000


def test_rescale_of_each_slice_counts(tmp_path: Path) -> None:
    series(tmp_path, RescaleSlope=[1.0, 0.5, 0.25, 2.0], RescaleIntercept=0)
    assert read_volume(tmp_path).array[0, 0].tolist() == [0, 50, 50, 600]


def test_monochrome1_film_is_turned_to_bright_bone(tmp_path: Path) -> None:
    pixels = np.array([[0, 4095], [1000, 95]], np.uint16)
    film = dataset(pixels, DX, "DX", PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11)
    film.PatientOrientation = ["L", "F"]
    volume = read_volume(save(film, tmp_path / "film.dcm"))
    assert volume.array[:, :, 0].T.tolist() == [[4095, 0], [3095, 4000]]
    np.testing.assert_allclose(np.diag(volume.affine), [-1.5, -2.0, 1.5, 1.0])
    assert volume.laterality_known


def test_film_seen_from_behind_and_film_without_sides(tmp_path: Path) -> None:
    film = dataset(np.ones((2, 2), np.uint16), DX, "DX", PatientOrientation=["R", "F"])
    assert read_volume(save(film, tmp_path / "back.dcm")).affine[0, 0] > 0
    del film.PatientOrientation, film.PixelSpacing
    film.ImagerPixelSpacing = [0.2, 0.2]
    volume = read_volume(save(film, tmp_path / "unknown.dcm"))
    assert not volume.laterality_known
    assert volume.spaced
    assert volume.tags["spacing_note"] == "at the detector"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "in colour"),
        ({"Modality": "SEG"}, "a segmentation"),
        ({"Modality": "RTSTRUCT"}, "contours"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\M\\MOSAIC"}, "mosaic"),
        ({"Rows": 60000, "Columns": 60000}, "claims 7,200,000,000 bytes"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "rescale slope is 0"),
        ({"PixelSpacing": "1e6\\1e6"}, "spacing"),
    ],
)
def test_what_is_no_volume_says_so(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    series(tmp_path, depths=(0,), **changes)
    with pytest.raises(InputRefused, match=told):
        read_volume(tmp_path / "s000.dcm")


def test_disagreeing_directions_are_refused(tmp_path: Path) -> None:
    series(tmp_path, orientation=(1, 0, 0, 0.5, 0.5, 0))
    _, skipped = findings(tmp_path)
    assert len(skipped) == 4
    assert "orientation is damaged" in skipped[0].reason


def test_truncated_slice_is_named_and_the_gap_noticed(tmp_path: Path) -> None:
    paths = series(tmp_path, depths=(0, 1, 2, 3, 4))
    paths[2].write_bytes(paths[2].read_bytes()[:-20])
    _, skipped = findings(tmp_path)
    reasons = {s.path.name: s.reason for s in skipped}
    assert "s002.dcm" in reasons["s002.dcm"]
    assert "1 of 5 slices is missing" in reasons["s000.dcm"]


def test_names_and_preambles_do_not_matter(tmp_path: Path) -> None:
    first, *rest = series(tmp_path)
    first.rename(tmp_path / "I10")
    raw = rest[0].read_bytes()
    rest[0].write_bytes(raw[raw.index(b"\x08\x00\x16\x00UI") :])  # old files have neither preamble nor meta
    rest[0].rename(tmp_path / "I11.xyz")
    assert read_volume(tmp_path).array.shape == (4, 3, 4)


def test_labels_and_reasons_name_no_patient(tmp_path: Path) -> None:
    series(tmp_path, PatientName="Secret^Name", prefix="a")
    series(tmp_path, PatientName="Secret^Name", prefix="b", SeriesInstanceUID="1.9", depths=(0, 1, 5))
    found, skipped = findings(tmp_path)
    text = repr(found) + repr(skipped) + found[0].label
    assert "PATIENT-7" not in text
    assert "Secret" not in text


def test_single_slice_is_as_thick_as_it_says(tmp_path: Path) -> None:
    series(tmp_path, depths=(0,), orientation=AXIAL, SliceThickness=5.0)
    volume = read_volume(tmp_path)
    assert volume.is_2d
    assert volume.spacing.tolist() == [1.5, 2.0, 5.0]


def test_damaged_header_values_are_refused(tmp_path: Path) -> None:
    path = series(tmp_path, depths=(0,))[0]
    item = pydicom.dcmread(path)
    item.ImagePositionPatient = [float("nan"), 0.0, 0.0]
    save(item, path)
    volume = read_volume(path)  # without a place it is a picture
    assert not volume.laterality_known
