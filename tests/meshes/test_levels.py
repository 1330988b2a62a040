"""Where the level slider starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.filters import threshold_otsu

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.read import read_volume
from medsynth_desktop.meshes.levels import otsu_level, presets_for, sensible_level, value_range


def ct(bone_share: float) -> Volume:
    array = np.full((20, 20, 20), -1000, np.int16)
    array[5:15, 5:15, 5:15] = 40
    array.reshape(-1)[: int(bone_share * array.size)] = 900
    return Volume(array, modality="CT", unit="HU")


def test_otsu_parts_two_groups_between_them() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(10, 2, 4000), rng.normal(50, 5, 1000)]).reshape(10, 20, 25)
    assert 18 < otsu_level(values) < 38


def test_otsu_agrees_with_scikit_image_within_a_bin() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 1, 5000), rng.normal(4, 1, 5000)]).reshape(10, 25, 40)
    low, high = np.percentile(values, [0.1, 99.9])
    expected = threshold_otsu(np.clip(values, low, high), nbins=256)
    assert otsu_level(values) == pytest.approx(expected, abs=2 * (high - low) / 256)


def test_one_hot_voxel_does_not_move_otsu() -> None:
    values = np.zeros((20, 20, 20))
    values[5:15, 5:15, 5:15] = 1
    before = otsu_level(values)
    values[0, 0, 0] = 1e6
    assert otsu_level(values) == pytest.approx(before, abs=0.02)
    assert 0 < before < 1


def test_ct_starts_at_bone_where_there_is_bone_and_at_skin_where_not() -> None:
    assert sensible_level(ct(0.05)) == 300
    assert sensible_level(ct(0.0001)) == -300


def test_presets_are_in_the_unit_and_inside_the_range() -> None:
    assert [p.key for p in presets_for(ct(0.05))] == ["skin", "vessels", "bone"]
    assert presets_for(Volume(np.arange(8.0).reshape(2, 2, 2))) == ()


def test_pet_starts_at_the_customary_uptake() -> None:
    array = np.linspace(0, 9, 1000).reshape(10, 10, 10)
    assert sensible_level(Volume(array, modality="PT", unit="SUVbw")) == 2.5


@pytest.mark.parametrize("unit", ["HU", "SUVbw", ""])
def test_the_start_always_lies_inside_the_range(unit: str) -> None:
    rng = np.random.default_rng(2)
    for scale, shift in [(1e-6, 0), (1, -5000), (1e6, 3), (100, 5000)]:
        volume = Volume(rng.random((6, 6, 6)) * scale + shift, unit=unit)
        low, high = value_range(volume)
        assert low < sensible_level(volume) < high


def test_two_values_and_a_single_bright_voxel_still_have_a_start() -> None:
    array = np.zeros((12, 12, 12), np.uint8)
    array[6, 6, 6] = 1
    assert 0 < sensible_level(Volume(array)) < 1


def test_before_air_the_start_takes_in_dim_skin() -> None:
    rng = np.random.default_rng(3)
    array = np.abs(rng.normal(0, 10, (30, 30, 30)))  # air
    array[5:25, 5:25, 5:25] = rng.normal(400, 20, (20, 20, 20))  # skin
    array[8:22, 8:22, 8:22] = rng.normal(1000, 50, (14, 14, 14))  # brain
    assert otsu_level(array) > 450
    assert 50 < sensible_level(Volume(array)) < 400


def test_a_label_map_starts_half_way() -> None:
    array = np.zeros((20, 20, 20), np.uint8)
    array[5:15, 5:15, 5:15] = 1
    assert sensible_level(Volume(array)) == pytest.approx(0.5, abs=0.01)


def test_flat_volumes_have_no_level() -> None:
    with pytest.raises(InputRefused, match="contrast"):
        sensible_level(Volume(np.zeros((3, 3, 3))))


@pytest.mark.realdata
def test_a_real_head_starts_at_the_skin(shared_data: Path) -> None:
    volume = read_volume(sorted((shared_data / "ixi-t1-2mm").rglob("*.nii.gz"))[0])
    share = float((volume.array > sensible_level(volume)).mean())
    assert 0.1 < share < 0.6  # head and neck fill about a third of the field of view
