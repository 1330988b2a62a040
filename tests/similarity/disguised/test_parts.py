"""Maps, structures, matches and words: each piece of the search for disguises against something known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from medsynth_desktop.core.records import Disguise
from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.alignment import fit, refine
from medsynth_desktop.similarity.disguised.blocks import cut
from medsynth_desktop.similarity.disguised.overlay import compare
from medsynth_desktop.similarity.disguised.sight import Common, Seen
from medsynth_desktop.similarity.disguised.structure import COARSE, FINE, shrink, structure_of
from medsynth_desktop.similarity.disguised.votes import Matches, Places
from medsynth_desktop.similarity.disguised.words import explain, what_was_done
from tests.similarity.disguises import about_centre

SHAPES = [(96, 80), (40, 48, 44)]


def blobs(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Soft blobs in [-1, 1] that fade into air, as an organ does: what comes in from outside has no edge."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2.5)
    inside = np.zeros(shape)
    inside[tuple(slice(n // 6, n - n // 6) for n in shape)] = 1
    grey = (1 + noise / np.abs(noise).max()) / 2 * ndimage.gaussian_filter(inside, 2.5)
    return (2 * grey - 1).astype(np.float32)


def some_map(dims: int) -> Affine:
    matrix = np.eye(dims) + np.random.default_rng(1).normal(0, 0.05, (dims, dims))
    return Affine(matrix, np.arange(1.0, dims + 1))


@pytest.mark.parametrize("dims", [2, 3])
def test_maps_join_and_undo_themselves(dims: int) -> None:
    one, points = some_map(dims), np.random.default_rng(2).normal(0, 10, (5, dims))
    other = Affine.about(2 * np.eye(dims), (9,) * dims)
    np.testing.assert_allclose(one.then(other)(points), other(one(points)))
    np.testing.assert_allclose(one.inverse()(one(points)), points)
    np.testing.assert_allclose(other(np.full(dims, 4.0)), np.full(dims, 4.0))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_map_of_cells_is_the_map_of_their_middles(step: int) -> None:
    made, cells = some_map(3), np.random.default_rng(3).uniform(0, 9, (4, 3))
    middles = (cells + 0.5) * step - 0.5
    expected = (made(middles) + 0.5) / step - 0.5
    np.testing.assert_allclose(made.in_cells(step)(cells), expected)
    np.testing.assert_allclose(made.in_cells(step).from_cells(step)(middles), made(middles))


def test_shrinking_takes_means_and_leaves_the_rest_out() -> None:
    image = np.arange(35, dtype=np.float32).reshape(5, 7)
    np.testing.assert_array_equal(shrink(image, 2), [[4, 6, 8], [18, 20, 22]])
    np.testing.assert_array_equal(shrink(image, 1), image)


@pytest.mark.parametrize("shape", SHAPES)
def test_structure_forgets_brightness_and_contrast_and_turns_with_inversion(shape: tuple[int, ...]) -> None:
    image = blobs(shape)
    plain = structure_of(image, FINE)
    for gain, bias in ((0.3, 0.2), (2.0, -0.5)):
        other = structure_of(gain * image + bias, FINE)
        np.testing.assert_allclose(other.band, plain.band, atol=2e-4)
        np.testing.assert_allclose(other.weight, plain.weight, atol=2e-4)
    np.testing.assert_allclose(structure_of(-image, FINE).band, -plain.band, atol=1e-5)


def test_an_image_without_contrast_has_no_structure() -> None:
    nothing = structure_of(np.full((32, 32), 0.3, np.float32), FINE)
    assert np.isfinite(nothing.band).all()
    assert nothing.weight.max() < 1e-3


@pytest.mark.parametrize("shape", [(5, 7), (4, 6, 9), (28, 14), (16, 8, 8)])
def test_blocks_hold_every_cell_once(shape: tuple[int, ...]) -> None:
    array = np.arange(1, np.prod(shape) + 1, dtype=float).reshape(shape)
    blocks = cut(array)
    assert sorted(blocks[blocks > 0]) == sorted(array.ravel())
    size = {2: 14, 3: 8}[array.ndim]
    first = blocks[0].reshape((size,) * array.ndim)[tuple(slice(0, min(size, n)) for n in shape)]
    np.testing.assert_array_equal(first, array[tuple(slice(0, min(size, n)) for n in shape)])


@pytest.mark.parametrize("dims", [2, 3])
def test_matches_give_their_map_though_a_third_are_wrong(dims: int) -> None:
    generator, made = np.random.default_rng(4), some_map(dims)
    places = generator.uniform(0, 60, (200, dims))
    found = made(places) + generator.normal(0, 0.3, places.shape)
    found[:66] = generator.uniform(0, 60, (66, dims))
    fitted = fit(Matches(places, found, np.ones(200)), 1)
    middle = np.full(dims, 30.0)
    assert np.linalg.norm(fitted(middle) - made(middle)) < 1
    assert np.abs(fitted.matrix - made.matrix).max() < 0.05


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("negative", [False, True])
def test_a_moved_image_is_laid_back_within_half_a_voxel(shape: tuple[int, ...], negative: bool) -> None:
    image = blobs(shape)
    dims = len(shape)
    turn = Rotation.from_rotvec([0, 0, 0.12]).as_matrix()[:dims, :dims]
    moved = about_centre(image, turn, np.full(dims, 3.0)) * (-1 if negative else 1)
    start = fit(Places(structure_of(moved, COARSE)).find_in(structure_of(image, COARSE)), 2)
    fine = structure_of(moved, FINE), structure_of(image, FINE)
    made, alike = refine(*fine, start)
    assert (alike < 0) == negative
    middle = (np.array(shape) - 1) / 2
    inner = middle + np.random.default_rng(5).uniform(-0.25, 0.25, (20, dims)) * np.array(shape)
    true = (inner - middle - 3.0) @ turn + middle
    assert np.linalg.norm(made(inner) - true, axis=1).max() < 0.5
    overlay = compare(
        Seen.of(fine[0], Common.of(np.zeros_like(fine[0].band))), fine[1], made, -1 if negative else 1
    )
    assert overlay.part > 0.9


def test_words_say_what_was_done() -> None:
    shape = (41, 41, 41)
    assert what_was_done(Affine.about(np.eye(3), shape), False, shape) == ()
    mirror = Affine.about(np.diag([-1.0, 1, 1]), shape)
    assert what_was_done(mirror, False, shape) == ("mirrored",)
    turned = Affine.about(Rotation.from_rotvec([0, 0.1222, 0]).as_matrix() / 1.05, shape)
    moved = Affine(turned.matrix, turned.offset + [0, 3, 4])
    assert what_was_done(moved, True, shape) == (
        "turned by 7°", "enlarged to 105%", "shifted by 5 voxels", "inverted"
    )  # fmt: skip


def test_the_sentence_names_the_image_and_what_to_undo() -> None:
    def told(whole: bool, *done: str) -> str:
        numbers = ((1.0,), (0.0,), False, 0.97, 0.99, (0,), (9,))
        return explain(Disguise("P-0042-1", "P-0042", (numbers[0],), *numbers[1:], done), whole)

    assert told(True, "mirrored", "turned by 7°") == (
        "It is like a mirrored copy of P-0042-1, turned by 7°, once that is undone."
    )
    assert told(False) == "It is like a copy of a part of P-0042-1, in its place."
    assert explain(None, True) == ""


def test_what_leaves_doubt_is_not_called_a_copy() -> None:
    def told(whole: float, part: float, of_whole: bool) -> str:
        done = ("mirrored",)
        return explain(
            Disguise("P-1-1", "P-1", (1.0,), (0.0,), False, whole, part, (0,), (9,), done), of_whole
        )

    assert told(0.6, 0.8, True).startswith("It is like a mirrored copy of P-1-1")
    assert told(0.45, 0.8, True).startswith("It may be a mirrored copy of P-1-1")
    assert told(0.45, 0.8, True).endswith("the likeness leaves doubt.")
    assert told(0.3, 0.8, True).endswith("faint as a whole, but a part of it is alike.")
    assert "different people" in told(0.3, 0.65, True)
    assert told(0.3, 0.65, False).startswith("It may be a mirrored copy of a part of P-1-1")


def test_a_faint_likeness_is_called_that_of_different_people() -> None:
    disguise = Disguise("P-0042-1", "P-0042", (1.0,), (0.0,), False, 0.19, 0.61, (0,), (9,), ("mirrored",))
    told = explain(disguise, True)
    assert told.startswith(
        "It is most like P-0042-1, mirrored, once that is undone: faint, as between different people"
    )
    assert "copy of P-" not in told
    assert explain(disguise, False).startswith("It may be a mirrored copy of a part of P-0042-1")
