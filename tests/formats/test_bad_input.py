"""Whatever the bytes: a volume or `InputRefused`, never another exception."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.tag import Tag

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats import FORMATS
from medsynth_desktop.formats.base import refusing
from medsynth_desktop.formats.read import Found, Skipped, find_volumes, read_volume
from tests.formats.series import dataset, enhanced, save, series

RANDOM = np.random.default_rng(7)
NOISE = RANDOM.integers(0, 200, (9, 8, 7)).astype(np.uint8)


def _nifti(path: Path) -> None:
    nibabel.Nifti1Image(NOISE, np.eye(4)).to_filename(path)


def _pictures(path: Path) -> None:
    Image.fromarray(NOISE[:, :, 0]).save(path)


def _tiff(path: Path) -> None:
    tifffile.imwrite(path, NOISE, photometric="minisblack", compression="zlib")


def _dicom(path: Path) -> None:
    series(path.parent / "made", depths=(0,))[0].rename(path)


def _compressed(path: Path) -> None:
    item = dataset(NOISE[:, :, 0].copy())
    item.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    save(item, path)


WRITERS: dict[str, Callable[[Path], None]] = {
    "a.nii": _nifti,
    "a.nii.gz": _nifti,
    "a.npy": lambda path: np.save(path, NOISE),
    "a.png": _pictures,
    "a.jpg": _pictures,
    "a.tif": _tiff,
    "a.dcm": _dicom,
    "rle.dcm": _compressed,
    "enhanced.dcm": lambda path: save(enhanced([0, 3, 6]), path) and None,
}
FUZZ = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Bytes of one good file per writer."""
    folder = tmp_path_factory.mktemp("originals")
    for name, write in WRITERS.items():
        write(folder / name)
    return {name: (folder / name).read_bytes() for name in WRITERS}


def outcome(path: Path) -> Volume | None:
    """Read ``path`` alone, through its format and by search; the message must be one clear text."""
    for finding in find_volumes([path]):
        assert isinstance(finding, Found | Skipped)
        if isinstance(finding, Found):
            try:
                finding.load()
            except InputRefused:
                pass
    for known in FORMATS:
        if known.claims(path):
            try:
                with refusing(path.name):
                    known.read(path)
            except InputRefused:
                pass
    try:
        return read_volume(path)
    except InputRefused as refusal:
        told = str(refusal)
    assert str(path.parent) not in told
    assert len(told) > 20
    return None


@pytest.mark.parametrize("name", WRITERS)
def test_untouched_files_are_read(originals: dict[str, bytes], tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(originals[name])
    assert outcome(tmp_path / name) is not None


@pytest.mark.parametrize("name", WRITERS)
@FUZZ
@given(share=st.floats(0, 0.999))
@example(share=0.0)
def test_truncated_anywhere(originals: dict[str, bytes], tmp_path: Path, name: str, share: float) -> None:
    raw = originals[name]
    (tmp_path / name).write_bytes(raw[: int(len(raw) * share)])
    outcome(tmp_path / name)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.npy", "a.dcm", "enhanced.dcm"])
@pytest.mark.parametrize("cut", [1, 8, 50])
def test_missing_voxels_are_never_invented(
    originals: dict[str, bytes], tmp_path: Path, name: str, cut: int
) -> None:
    if name == "enhanced.dcm" and cut == 50 or name == "a.dcm" and cut == 50:
        cut = 20
    (tmp_path / name).write_bytes(originals[name][:-cut])
    assert outcome(tmp_path / name) is None


@pytest.mark.parametrize("name", WRITERS)
@FUZZ
@given(changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6))
def test_changed_bytes(
    originals: dict[str, bytes], tmp_path: Path, name: str, changes: list[tuple[float, int]]
) -> None:
    raw = bytearray(originals[name])
    for share, value in changes:
        raw[int(share * min(len(raw), 1500))] = value
    (tmp_path / name).write_bytes(raw)
    outcome(tmp_path / name)


@FUZZ
@given(raw=st.binary(max_size=600), name=st.sampled_from(sorted(WRITERS)), magic=st.booleans())
def test_any_bytes_under_any_name(
    originals: dict[str, bytes], tmp_path: Path, raw: bytes, name: str, magic: bool
) -> None:
    (tmp_path / name).write_bytes((originals[name][:140] if magic else b"") + raw)
    outcome(tmp_path / name)


@FUZZ
@given(
    header=st.lists(
        st.tuples(
            st.sampled_from(["dim", "pixdim", "srow_x", "srow_y", "srow_z", "qoffset_x", "quatern_b"]),
            st.integers(0, 7),
            st.one_of(st.floats(width=32), st.integers(-32768, 32767)),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_absurd_nifti_geometry(tmp_path: Path, header: list[tuple[str, int, float]]) -> None:
    image = nibabel.Nifti1Image(NOISE, np.eye(4))
    raw = bytearray(image.to_bytes())
    fields = np.frombuffer(raw, image.header.structarr.dtype, 1)
    with np.errstate(all="ignore"):
        for key, index, value in header:
            cells = fields[key][0]
            if key == "dim":
                value = int(np.clip(np.nan_to_num(value), -32768, 32767))
            if np.ndim(cells):
                cells[index % len(cells)] = value
            else:
                fields[key] = value
    (tmp_path / "a.nii").write_bytes(raw)
    outcome(tmp_path / "a.nii")


DICOM_VALUES = st.sampled_from(
    ["", "x", "-1", "0", "1e300", "nan", "inf", "1\\2", "1\\0\\0\\0\\1\\0", "99999999999"]
)


@FUZZ
@given(
    changes=st.dictionaries(
        st.sampled_from(
            [
                "PixelSpacing",
                "ImageOrientationPatient",
                "ImagePositionPatient",
                "RescaleSlope",
                "RescaleIntercept",
                "SliceThickness",
                "InstanceNumber",
                "WindowCenter",
                "WindowWidth",
                "PatientAge",
                "ImageType",
                "PhotometricInterpretation",
                "NumberOfFrames",
            ]
        ),
        DICOM_VALUES,
        min_size=1,
        max_size=4,
    )
)
def test_absurd_dicom_values(tmp_path: Path, changes: dict[str, str]) -> None:
    item = dataset(NOISE[:, :, 0].copy())
    for keyword, value in changes.items():
        item.add_new(tag_for_keyword(keyword), "LT", value)  # text of any kind ...
    path = save(item, tmp_path / "a.dcm")
    raw = path.read_bytes()
    for keyword in changes:  # ... under the name of its true type
        tag = Tag(tag_for_keyword(keyword))
        start = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little")
        assert start + b"LT" in raw
        raw = raw.replace(start + b"LT", start + dictionary_VR(tag).encode())
    path.write_bytes(raw)
    outcome(path)


def test_not_a_number_is_kept_for_the_cohort_to_judge(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((3, 4), np.nan))
    assert np.isnan(read_volume(tmp_path / "a.npy").array).all()


def test_deeply_nested_numpy_header(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, NOISE)
    head = ("(" * 4000 + ")" * 4000).ljust(8118 - 1) + "\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
    assert outcome(tmp_path / "a.npy") is None
