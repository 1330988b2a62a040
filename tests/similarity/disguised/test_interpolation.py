"""Interpolation says what scipy's linear splines say, at all places and just outside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.interpolation import pulled

GRIDS = [(30, 24), (1, 9), (33, 2), (14, 17, 12), (6, 5, 4), (3, 1, 4), (40, 31, 35)]


def drawn(grid: tuple[int, ...]) -> tuple[np.ndarray, Affine]:
    """An image, and a map that turns, scales, mirrors an axis and leads beyond the image at every side."""
    generator = np.random.default_rng(len(grid) + grid[0])
    image = generator.standard_normal(grid).astype(np.float32)
    matrix = 1.3 * np.eye(len(grid)) + 0.2 * generator.standard_normal((len(grid),) * 2)
    matrix[-1] *= -1
    return image, Affine.about(matrix, grid)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("order", [0, 1])
def test_a_map_pulls_an_image_as_scipy_does(grid: tuple[int, ...], order: int) -> None:
    image, map_ = drawn(grid)
    shape = tuple(n + 3 for n in grid)
    expected = ndimage.affine_transform(
        image, map_.matrix, map_.offset, output_shape=shape, order=order, mode="constant", cval=-3
    )
    np.testing.assert_allclose(pulled(map_, image, shape, -3, order), expected, atol=2e-6)


@pytest.mark.parametrize("grid", GRIDS)
def test_places_moved_one_by_one_are_those_that_scipy_reads(grid: tuple[int, ...]) -> None:
    image, map_ = drawn(grid)
    way = np.random.default_rng(5).uniform(-2, 2, (len(grid), *grid)).astype(np.float32)
    places = (way + np.indices(grid)).reshape(len(grid), -1).astype(float)
    there = map_(places.T).T
    expected = ndimage.map_coordinates(image, there, order=1, mode="constant", cval=0.5)
    found = pulled(map_, image, grid, 0.5, way=way).ravel()
    near_an_edge = np.zeros(len(found), bool)  # where rounding decides which side a place lies on
    for along, n in zip(there, grid, strict=True):
        near_an_edge |= np.minimum(abs(along), abs(along - (n - 1))) < 1e-5
    np.testing.assert_allclose(found[~near_an_edge], expected[~near_an_edge], atol=3e-5)


@pytest.mark.parametrize("grid", GRIDS)
def test_the_outermost_cells_are_inside_and_a_hair_beyond_is_not(grid: tuple[int, ...]) -> None:
    image, _ = drawn(grid)
    for axis, n in enumerate(grid):
        offset = np.zeros(len(grid))
        for at, inside in ((n - 1.0, True), (n - 1 + 1e-3, False), (0.0, True), (-1e-3, False)):
            offset[axis] = at
            still = np.eye(len(grid))
            still[axis, axis] = 0
            found = pulled(Affine(still, offset), image, grid, 99.0)
            expected = np.take(image, [round(at)] * n, axis=axis) if inside else np.full(grid, 99.0)
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_map_that_moves_nothing_copies_nothing() -> None:
    image, _ = drawn((6, 5, 4))
    assert pulled(Affine.none(3), image, image.shape) is image
    assert pulled(Affine.none(3), image, (7, 5, 4)).shape == (7, 5, 4)
    smaller = pulled(Affine.none(3), np.asfortranarray(image), (6, 5, 3))
    np.testing.assert_allclose(smaller, image[..., :3], atol=1e-6)


@pytest.mark.parametrize("tiny", [1e-17, 1e-20, 1e-300, 5e-324, np.nan, np.inf])
@pytest.mark.parametrize("order", [0, 1])
def test_a_row_that_hardly_moves_or_leads_nowhere_is_read_within_the_image(tiny: float, order: int) -> None:
    image, _ = drawn((6, 5, 4))
    for at in (-5.0, 2.0, 50.0):
        for per in (tiny, -tiny):
            matrix = np.eye(3)
            matrix[0, 2] = per
            found = pulled(Affine(matrix, np.array([at, 0.0, 0.0])), image, image.shape, 9.0, order)
            if np.isfinite(tiny):
                still = pulled(Affine(np.eye(3), np.array([at, 0.0, 0.0])), image, image.shape, 9.0, order)
                np.testing.assert_allclose(found, still, atol=1e-6)
