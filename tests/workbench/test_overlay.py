from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.core.records import Disguise, Nearest, Policy, Threshold
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.workbench.overlay import Finding, explain_words, finding, undo

SHAPE = (24, 30, 22)


def anatomy(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Smooth blobs with air around them, in [-1, 1]."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2)
    inside = np.zeros(shape, bool)
    inside[tuple(slice(6, n - 6) for n in shape)] = True
    return np.where(inside, 0.9 * field / np.abs(field).max(), -1).astype(np.float32)


def disguise(matrix: np.ndarray, offset: np.ndarray, **more: object) -> Disguise:
    dims = len(offset)
    made = Disguise(
        "P-0042-1",
        "P-0042",
        tuple(tuple(float(x) for x in row) for row in matrix),
        tuple(float(x) for x in offset),
        False,
        0.97,
        0.99,
        (4,) * dims,
        (12,) * dims,
    )
    return replace(made, **more)


def mirrored(shape: tuple[int, ...], shift: float = 0.0, **more: object) -> Disguise:
    """Voxel x of the sample shows voxel n - 1 - x + shift of the real image."""
    matrix, offset = np.eye(len(shape)), np.zeros(len(shape))
    matrix[0, 0], offset[0] = -1, shape[0] - 1 + shift
    return disguise(matrix, offset, **more)


@pytest.mark.parametrize("shape", [SHAPE, (40, 36)])
def test_a_mirrored_and_shifted_copy_leaves_no_difference_once_that_is_undone(shape: tuple[int, ...]) -> None:
    real = anatomy(1, shape)
    sample = np.roll(real[::-1], 3, axis=0)  # sample[x] = real[n - 1 - (x - 3)]; what comes in is air
    found = undo(sample, real, mirrored(shape, 3.0), whole=True)
    assert np.abs(found.difference).max() < 1e-5
    assert found.after == pytest.approx(1, abs=1e-6)
    assert found.before < 0.9
    assert (found.gain, found.offset) == (pytest.approx(1, abs=1e-5), pytest.approx(0, abs=1e-5))
    assert not found.matched
    assert (found.low, found.high) == (
        (3, *(0,) * (len(shape) - 1)),
        shape,
    )  # what lies outside is not compared
    assert found.real.dtype == found.difference.dtype == np.float32


def test_a_turned_copy_is_turned_back() -> None:
    real, angle = ndimage.gaussian_filter(anatomy(2), 1), np.deg2rad(8)
    matrix = np.eye(3)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    centre = (np.array(SHAPE) - 1) / 2
    offset = centre - matrix @ centre
    sample = ndimage.affine_transform(real, matrix, offset, order=1, cval=-1.0)
    found = undo(sample, real, disguise(matrix, offset), whole=True)
    assert np.abs(found.difference).max() < 1e-4
    assert found.after > 0.9999 > found.before


def test_a_negative_is_inverted_back_and_grey_values_are_matched() -> None:
    real = anatomy(3)
    sample = -0.6 * real + 0.1
    found = undo(sample, real, disguise(np.eye(3), np.zeros(3), negative=True), whole=True)
    np.testing.assert_array_equal(found.real, -real)
    moved = undo(sample, real, disguise(np.eye(3), np.full(3, 4.0), negative=True), whole=True)
    assert set(moved.real[-4:].ravel().tolist()) == {1.0}  # beyond its border is the air of a negative
    assert found.gain == pytest.approx(0.6, abs=1e-4)
    assert found.offset == pytest.approx(0.1, abs=1e-4)
    assert found.matched
    assert np.abs(found.difference).max() < 1e-4
    assert found.before == pytest.approx(-1, abs=1e-5)
    assert found.after == pytest.approx(1, abs=1e-5)


def test_of_a_part_only_the_box_is_compared_and_outlined() -> None:
    real, sample = anatomy(4), anatomy(5)
    box = tuple(slice(6, 15) for _ in SHAPE)
    sample[box] = real[box]
    told = disguise(np.eye(3), np.zeros(3), low=(6, 6, 6), high=(15, 15, 15))
    found = undo(sample, real, told, whole=False)
    assert (found.low, found.high) == ((6, 6, 6), (15, 15, 15))
    assert found.after == pytest.approx(1)
    assert np.abs(found.difference[box]).max() < 1e-5
    assert np.abs(found.difference).max() > 0.2  # elsewhere it is somebody else
    assert undo(sample, real, told, whole=True).after < 0.99  # the air around both is alike


def test_a_copy_that_kept_its_place_is_not_blurred_by_a_map_that_is_a_fraction_of_a_voxel_off() -> None:
    real = anatomy(6)
    found = undo(real, real, disguise(np.eye(3), np.full(3, 0.4)), whole=False)
    assert (found.before, found.after) == (pytest.approx(1), pytest.approx(1))
    np.testing.assert_array_equal(found.real, real)
    assert np.abs(found.difference).max() < 1e-5
    moved = undo(real, real, disguise(np.eye(3), np.full(3, 0.4), done=("shifted by 1 voxels",)), whole=False)
    assert moved.after < moved.before  # what was told is undone, for better or worse


def test_images_without_contrast_have_no_correlation_and_other_axes_are_refused() -> None:
    flat = np.full(SHAPE, -1, np.float32)
    found = undo(flat, flat, disguise(np.eye(3), np.zeros(3)), whole=True)
    assert math.isnan(found.after)
    assert not found.difference.any()
    with pytest.raises(ValueError, match="2 axes"):
        undo(flat, flat, disguise(np.eye(2), np.zeros(2)), whole=True)


def policy(**block: float) -> Policy:
    return Policy("c", tuple(Threshold(k, v - 0.05, v) for k, v in block.items()), "h")


def nearest(*disguises: Disguise) -> Nearest:
    values = {
        "aligned": max((d.whole for d in disguises), default=math.nan),
        "part": max((d.part for d in disguises), default=math.nan),
    }
    return Nearest("S-1", (), 0.9, values, disguises)


def test_the_disguise_that_is_worst_by_its_limit_is_shown_and_rather_the_whole_than_a_part() -> None:
    whole = mirrored(SHAPE, whole=0.97, part=0.99, image="P-0001-1")
    part = mirrored(SHAPE, whole=0.5, part=0.995, image="P-0002-1")
    chosen = finding(nearest(whole, part), policy(aligned=0.6, part=0.8))
    assert (chosen.metric.key, chosen.disguise.image, chosen.code, chosen.whole) == (
        "aligned",
        "P-0001-1",
        2,
        True,
    )
    assert finding(nearest(whole, part), policy(aligned=0.9, part=0.6)).whole  # whatever lies farther beyond
    chosen = finding(nearest(part), policy(aligned=0.6, part=0.8))
    assert (chosen.metric.key, chosen.whole, chosen.code) == ("part", False, 2)
    assert finding(nearest(part), policy(aligned=0.53, part=0.999)).code == 1  # between the limits of both
    assert finding(nearest(part), policy(aligned=0.9, part=1.1)).code == 0
    assert finding(nearest(part), None).code == 0
    assert finding(nearest(), policy(aligned=0.5)) is None
    assert finding(None, None) is None


def test_the_explanation_says_what_it_is_how_alike_and_what_unseen_patients_reach() -> None:
    copy = mirrored(SHAPE, done=("mirrored", "turned by 7°"))
    found = Finding(METRICS["aligned"], 0.9721, copy, 2, whole=True)
    unseen = {"aligned": np.array([0.5, np.nan, 0.881])}
    assert explain_words(found, unseen) == (
        "A mirrored copy of P-0042-1, turned by 7°: likeness 0.972 once that is undone; unseen patients reach 0.881."
    )
    part = replace(
        found, metric=METRICS["part"], whole=False, code=1, disguise=disguise(np.eye(3), np.zeros(3))
    )
    assert explain_words(part, {}) == "Perhaps a copy of a part of P-0042-1: likeness 0.972 in its place."
    near = explain_words(found, {"aligned": np.array([0.97205])})
    assert "likeness 0.9721" in near
    assert "reach 0.97205" in near or "reach 0.9720" in near
    assert explain_words(replace(found, code=0), unseen) == ""
    assert explain_words(None, unseen) == ""
