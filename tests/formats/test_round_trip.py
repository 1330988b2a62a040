"""Whatever format writes: what it wrote comes back, for every format of the registry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats import FORMATS
from medsynth_desktop.formats.read import read_volume
from medsynth_desktop.formats.write import write_volume

GENERATOR = np.random.default_rng(3)
OBLIQUE = np.array([[0, 1.9, 0.4, 5], [-2, 0, 0, 6], [0, -0.4, 1.9, 7], [0, 0, 0, 1.0]])
LOSSY = (".jpg", ".jpeg")
SUFFIXES = [s for f in FORMATS if f.write for s in f.suffixes if s not in LOSSY]


def volume(dtype: str, flat: bool, spaced: bool = True) -> Volume:
    shape = (7, 6, 1) if flat else (7, 6, 5)
    array = (GENERATOR.random(shape) * 200).astype(dtype)
    affine = np.diag([-2.0, -2.0, 2.0, 1.0]) if flat else OBLIQUE
    return Volume(array, affine if spaced else np.diag([-1.0, -1, 1, 1]), "MR", spaced=spaced)


def _scaled_well(levels: np.ndarray, numbers: np.ndarray, low: float, high: float) -> bool:
    """Whether 16-bit levels are the numbers over their own range, within rounding."""
    wanted = (numbers.astype(float) - low) * 65535 / (high - low)
    return bool(np.abs(levels - wanted).max() <= 0.51)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("flat", [True, False])
def test_numbers_and_geometry_come_back(tmp_path: Path, suffix: str, dtype: str, flat: bool) -> None:
    wanted, path = volume(dtype, flat), tmp_path / f"a{suffix}"
    if suffix == ".png" and not flat:
        with pytest.raises(InputRefused, match="5 slices"):
            write_volume(wanted, path)
        return
    write_volume(wanted, path)
    got = read_volume(path)
    straight = wanted.canonical() if suffix.startswith(".tif") else wanted
    numbers = np.flip(straight.array, (0, 1)) if suffix.startswith(".tif") else wanted.array
    if suffix == ".png" and dtype in ("int16", "float32"):
        low, high = numbers.min(), numbers.max()
        numbers = got.array if _scaled_well(got.array, numbers, low, high) else numbers
    np.testing.assert_array_equal(got.array, numbers)
    if suffix.startswith(".nii"):
        np.testing.assert_allclose(got.affine, wanted.affine, atol=1e-6)
        assert got.modality == "MR"
    if suffix.startswith(".tif"):
        np.testing.assert_allclose(got.spacing, straight.spacing, rtol=1e-5)


@pytest.mark.parametrize("suffix", [".nii.gz", ".tif", ".npy"])
def test_a_volume_without_millimetres_stays_so(tmp_path: Path, suffix: str) -> None:
    write_volume(volume("float32", flat=True, spaced=False), tmp_path / f"a{suffix}")
    assert not read_volume(tmp_path / f"a{suffix}").spaced


def test_equal_volumes_give_equal_bytes(tmp_path: Path) -> None:
    wanted = volume("float32", flat=False)
    for name in ("a.nii.gz", "b.nii.gz"):
        write_volume(wanted, tmp_path / name)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize("name", ["a.jpg", "a.txt", "a", "missing/a.nii"])
def test_what_cannot_be_written_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputRefused):
        write_volume(volume("uint8", flat=True), tmp_path / name)


def test_every_format_has_a_distinct_name_and_suffixes() -> None:
    suffixes = [s for f in FORMATS for s in f.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert all(s.startswith(".") and s == s.lower() for s in suffixes)
    assert all(f.label for f in FORMATS)
