"""NIfTI, NumPy and pictures: geometry and numbers against nibabel and by hand, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.formats.read import read_volume

RAMP = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


def nifti(path: Path, array: np.ndarray = RAMP, affine: np.ndarray | None = None, **header: Any) -> Path:
    """Write by nibabel, then change header fields as given."""
    image = nibabel.Nifti1Image(array, np.diag([2.0, 2, 3, 1]) if affine is None else affine)
    image.header.set_xyzt_units("mm")
    image.to_filename(path)
    if header:
        raw = bytearray(path.read_bytes())
        fields = np.frombuffer(raw, image.header.structarr.dtype, 1)
        for key, value in header.items():
            fields[key][0] = value
        path.write_bytes(raw)
    return path


def test_nifti_scale_factors_and_affine(tmp_path: Path) -> None:
    turned = np.array([[0, 0, 2.0, 5], [-2, 0, 0, 6], [0, 3, 0, 7], [0, 0, 0, 1]])
    path = nifti(tmp_path / "a.nii", affine=turned, scl_slope=0.5, scl_inter=-1)
    volume = read_volume(path)
    np.testing.assert_allclose(volume.array, RAMP * 0.5 - 1)
    np.testing.assert_allclose(volume.affine, nibabel.load(path).affine)
    assert volume.laterality_known


@pytest.mark.parametrize(("units", "factor"), [(1, 1000.0), (3, 0.001), (0, 1.0)])
def test_nifti_units_become_millimetres(tmp_path: Path, units: int, factor: float) -> None:
    sizes = np.diag([2 / factor, 2 / factor, 3 / factor, 1])
    volume = read_volume(nifti(tmp_path / "a.nii", affine=sizes, xyzt_units=units))
    np.testing.assert_allclose(volume.spacing, [2, 2, 3], rtol=1e-6)


def test_nifti_without_orientation_codes_knows_no_sides(tmp_path: Path) -> None:
    volume = read_volume(nifti(tmp_path / "a.nii", qform_code=0, sform_code=0))
    assert not volume.laterality_known
    np.testing.assert_allclose(volume.spacing, [2, 2, 3])


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_big_endian_and_version_2(tmp_path: Path, suffix: str) -> None:
    image = nibabel.Nifti2Image(RAMP.astype(">i2"), np.eye(4))
    image.to_filename(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read_volume(tmp_path / f"a{suffix}").array, RAMP)


SHEARED = np.array([[2, 0, 1.0, 0], [0, 2, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("array", "affine", "header", "told"),
    [
        (np.zeros((2, 3, 4, 5), np.int16), None, {}, "holds 5 volumes"),
        (np.zeros((2, 3, 4), np.complex64), None, {}, "complex"),
        (np.zeros((2, 3, 4), [(c, "u1") for c in "RGB"]), None, {}, "colour"),
        (RAMP, SHEARED, {}, "18.4 degrees"),
        (RAMP, np.diag([1e7, 1, 1, 1]), {}, "spacing"),
        (RAMP, None, {"dim": [3, 1300, 1300, 1500, 1, 1, 1, 1]}, "claims 5,070,000,000 bytes"),
        (RAMP, None, {"dim": [3, -2, 3, 4, 1, 1, 1, 1]}, "no voxels|damaged"),
        (RAMP, None, {"dim": [3, 0, 3, 4, 1, 1, 1, 1]}, "no voxels"),
        (RAMP, None, {"xyzt_units": 7}, "unknown unit 7"),
        (RAMP, None, {"scl_slope": 2, "scl_inter": np.nan}, "damaged"),
        (RAMP, None, {"srow_x": [np.nan] * 4}, "spacing|damaged"),
        (RAMP, None, {"magic": b"ni1\0"}, "one half"),
        (RAMP, None, {"magic": b"abc\0"}, "content is not"),
    ],
)
def test_nifti_refusals(
    tmp_path: Path, array: np.ndarray, affine: np.ndarray | None, header: dict[str, Any], told: str
) -> None:
    path = nifti(tmp_path / "a.nii", array, affine, **header)
    with pytest.raises(InputRefused, match=told):
        read_volume(path)


def test_gzipped_claim_beyond_what_deflate_can_hold(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", dim=[3, 1300, 1300, 1500, 1, 1, 1, 1])
    packed = tmp_path / "b.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputRefused, match="claims 5,070,000,000 bytes"):
        read_volume(packed)


def test_numpy_axes_are_those_of_a_volume(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(RAMP.astype(">f8")))
    volume = read_volume(tmp_path / "a.npy")
    np.testing.assert_array_equal(volume.array, RAMP)
    assert not volume.spaced
    np.save(tmp_path / "b.npy", RAMP[0])
    flat = read_volume(tmp_path / "b.npy")
    assert flat.array.shape == (3, 4, 1)
    assert np.diag(flat.affine).tolist() == [-1, -1, 1, 1]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(5),
        np.zeros((2, 2, 2, 2)),
        np.zeros((0, 3)),
        np.zeros((2, 2), complex),
        np.array([[{}]], object),
        np.zeros((2, 2), [("a", "f4")]),
        np.zeros((2, 2), "U3"),
    ],
)
def test_numpy_refusals(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(InputRefused):
        read_volume(tmp_path / "a.npy")


def test_numpy_claim_of_five_gigabytes(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((11, 11, 11), np.float32))
    raw = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(raw.replace(b"(11, 11, 11), }", b"(999,999,1300)}"))
    with pytest.raises(InputRefused, match="truncated"):
        read_volume(tmp_path / "a.npy")


def test_picture_rows_run_down_and_columns_to_the_left(tmp_path: Path) -> None:
    picture = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)  # 2 rows, 3 columns
    Image.fromarray(picture).save(tmp_path / "a.png")
    volume = read_volume(tmp_path / "a.png")
    assert volume.array[:, :, 0].T.tolist() == picture.tolist()
    assert np.diag(volume.affine).tolist() == [-1, -1, 1, 1]
    assert (volume.spaced, volume.laterality_known) == (False, False)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_equal_channels_are_grey_and_colour_is_refused(tmp_path: Path, suffix: str) -> None:
    grey = np.tile(np.arange(16, dtype=np.uint8)[:, None] * 16, (1, 16))
    Image.fromarray(np.stack([grey] * 3, -1)).save(tmp_path / f"grey{suffix}")
    assert abs(read_volume(tmp_path / f"grey{suffix}").array[5, :, 0].astype(int) - grey[:, 5]).max() < 6
    colour = np.stack([grey, 255 - grey, grey], -1)
    Image.fromarray(colour).save(tmp_path / f"colour{suffix}")
    with pytest.raises(InputRefused, match="in colour"):
        read_volume(tmp_path / f"colour{suffix}")


def test_sixteen_bit_png_and_transparency(tmp_path: Path) -> None:
    deep = np.array([[0, 40000], [65535, 7]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    volume = read_volume(tmp_path / "deep.png")
    assert (volume.array.dtype, volume.array[1, 0, 0]) == (np.uint16, 40000)
    Image.fromarray(np.full((2, 2, 2), 100, np.uint8), "LA").save(tmp_path / "clear.png")
    with pytest.raises(InputRefused, match="transparent"):
        read_volume(tmp_path / "clear.png")


@pytest.mark.parametrize("compression", [None, "zlib", "tiff_lzw", "tiff_deflate"])
def test_tiff_pages_are_slices_without_millimetres_from_dots_per_inch(
    tmp_path: Path, compression: str | None
) -> None:
    pages = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    if compression == "zlib" or compression is None:
        tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", compression=compression)
    else:
        images = [Image.fromarray(p) for p in pages]
        images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:], compression=compression)
    volume = read_volume(tmp_path / "a.tif")
    np.testing.assert_array_equal(volume.array.transpose(2, 1, 0), pages)
    assert not volume.spaced


def test_tiff_of_imagej_states_its_voxel_size(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.zeros((3, 4, 5), np.uint16),
        imagej=True,
        resolution=(2.0, 4.0),
        metadata={"axes": "ZYX", "spacing": 3.0, "unit": "mm"},
    )
    volume = read_volume(tmp_path / "a.tif")
    assert volume.spaced
    np.testing.assert_allclose(volume.spacing, [0.5, 0.25, 3.0], rtol=1e-5)


def test_tiff_with_pages_of_two_sizes_is_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((4, 5), np.uint8))
        writer.write(np.zeros((6, 7), np.uint8))
    with pytest.raises(InputRefused, match="of different"):
        read_volume(tmp_path / "a.tif")


def test_decompression_bomb_is_refused_before_decoding(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    raw = bytearray((tmp_path / "a.png").read_bytes())
    raw[16:24] = (100_000).to_bytes(4, "big") * 2
    (tmp_path / "a.png").write_bytes(raw)
    with pytest.raises(InputRefused):
        read_volume(tmp_path / "a.png")
