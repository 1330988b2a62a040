"""Positions, distances and angles of voxels, also of volumes that lie aslant in the patient."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from medsynth_desktop.core.geometry import (
    angle,
    distance,
    drawn_of_voxel,
    position,
    position_words,
    value_words,
    voxel_of_drawn,
    voxel_words,
)
from medsynth_desktop.core.volume import Volume

SHAPE = (7, 9, 5)


def turned(order: tuple[int, ...], flips: tuple[int, ...], degrees: float = 0.0) -> Volume:
    """A volume whose file axes are permuted, flipped and turned; every voxel holds its own number."""
    affine = np.zeros((4, 4))
    for column, (axis, flip) in enumerate(zip(order, flips, strict=True)):
        affine[axis, column] = flip * (1.5, 2.0, 3.0)[column]
    affine[3, 3] = 1
    affine[:3, 3] = 11, -7, 30
    a = np.radians(degrees)
    spin = np.eye(4)
    spin[:2, :2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    return Volume(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), spin @ affine)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1)])
@pytest.mark.parametrize("degrees", [0, 20])
def test_what_is_drawn_somewhere_is_the_voxel_of_there(
    order: tuple[int, ...], flips: tuple[int, ...], degrees: float
) -> None:
    volume = turned(order, flips, degrees)
    drawn = volume.canonical().array[::-1, ::-1, ::-1].transpose(2, 1, 0)
    for index in ((0, 0, 0), (1, 2, 3), tuple(n - 1 for n in drawn.shape)):
        voxel = tuple(np.rint(voxel_of_drawn(volume, index)).astype(int))
        assert volume.array[voxel] == drawn[index]
        np.testing.assert_allclose(drawn_of_voxel(volume, voxel), index, atol=1e-9)


@pytest.mark.parametrize("thin", [0, 1, 2])
def test_a_picture_has_two_drawn_axes(thin: int) -> None:
    shape = [6, 7, 8]
    shape[thin] = 1
    volume = Volume(np.arange(np.prod(shape), dtype=np.int16).reshape(shape))
    drawn = volume.canonical().array[::-1, ::-1, ::-1].transpose(2, 1, 0).squeeze()
    voxel = tuple(np.rint(voxel_of_drawn(volume, (2, 3))).astype(int))
    assert volume.array[voxel] == drawn[2, 3]
    np.testing.assert_allclose(drawn_of_voxel(volume, voxel, 2), (2, 3))


def test_position_is_true_for_an_oblique_volume() -> None:
    volume = turned((0, 1, 2), (1, 1, 1), 90)
    np.testing.assert_allclose(
        position(volume, (2, 0, 0)) - position(volume, (0, 0, 0)), (0, 3, 0), atol=1e-9
    )


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((12.34, -4, 55.06), "R 12.3 P 4.0 S 55.1 mm"),
        ((-12.34, 4, -55.06), "L 12.3 A 4.0 I 55.1 mm"),
        ((-0.01, 0, 0.04), "R 0.0 A 0.0 S 0.0 mm"),
    ],
)
def test_sides_have_letters(place: tuple[float, ...], words: str) -> None:
    assert position_words(place) == words


def test_voxels_are_counted_in_the_files_order() -> None:
    assert voxel_words(Volume(np.zeros((3, 4, 5))), (1, 2, 3)) == "voxel 1, 2, 3"
    assert voxel_words(Volume(np.zeros((3, 4, 1))), (1, 2, 0)) == "pixel 1, 2"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (np.int16(-34), "HU", "-34 HU"),
        (np.float32(-33.6), "HU", "-34 HU"),
        (np.float32(-0.2), "HU", "0 HU"),
        (np.float32(0.12345), "", "0.1235"),
        (np.float32(412.04), "", "412.0"),
        (np.float32(2.5), "SUVbw", "2.500 SUVbw"),
        (np.float32(0), "", "0.000"),
        (np.uint8(255), "", "255"),
        (np.float32("nan"), "", "no number"),
    ],
)
def test_values_have_their_unit(value: float, unit: str, words: str) -> None:
    assert value_words(value, unit) == words


def test_distances_and_angles_by_hand() -> None:
    volume = turned((2, 0, 1), (1, -1, 1), 33)  # a rotation changes neither
    assert distance(volume, (0, 0, 0), (2, 2, 0)) == pytest.approx(5)  # 3 and 4 mm
    assert angle(volume, (2, 0, 0), (0, 0, 0), (0, 2, 0)) == pytest.approx(90)
    assert angle(volume, (2, 0, 0), (0, 0, 0), (4, 0, 0)) == pytest.approx(0)
    assert angle(volume, (0, 0, 0), (0, 0, 0), (4, 0, 0)) == 0
