"""Interpolation says what scipy's linear splines say, at all places and just outside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.interpolation import AT_ONCE, Bands, linear, nearest

GRIDS = [(5, 7), (33, 2), (6, 5, 4), (40, 31, 35), (1, 9), (3, 1, 4)]


def drawn(grid: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """An image, and places in and around it, corners and ends among them."""
    generator = np.random.default_rng(seed)
    ends = np.array(grid, float)[:, None] - 1
    places = generator.uniform(-2, 1, (len(grid), 300)) + generator.random((len(grid), 300)) * (ends + 2)
    whole = np.rint(places[:, :100]).clip(0, ends)
    return generator.standard_normal(grid).astype(np.float32), np.concatenate([places, whole, ends], axis=1)


@pytest.mark.parametrize("grid", GRIDS)
def test_between_cells_it_is_what_scipy_says(grid: tuple[int, ...]) -> None:
    image, places = drawn(grid)
    single = places.astype(np.float32)
    expected = ndimage.map_coordinates(image, single, order=1, mode="constant", cval=-3)
    np.testing.assert_allclose(linear(image, single, fill=-3), expected, atol=3e-6)
    inside = (
        np.abs(places - np.rint(places)).max(axis=0) > 1e-3
    )  # where rounding to float32 moves none over an edge
    expected = ndimage.map_coordinates(image, places, order=1, mode="constant", cval=0)
    seen = Bands([image, 2 * image]).at(places)
    np.testing.assert_allclose(seen[0][inside], expected[inside], atol=3e-5)
    np.testing.assert_allclose(seen[1], 2 * seen[0], atol=1e-6)


@pytest.mark.parametrize("grid", GRIDS)
def test_the_nearest_cell_is_the_one_that_scipy_takes(grid: tuple[int, ...]) -> None:
    image, places = drawn(grid)
    places = places[:, np.abs(places % 1 - 0.5).max(axis=0) < 0.499].astype(np.float32)
    expected = ndimage.map_coordinates(image, places, order=0, mode="constant", cval=7)
    np.testing.assert_array_equal(nearest(image, places, fill=7), expected)


def test_more_places_than_are_looked_at_together_and_none_at_all() -> None:
    image = np.random.default_rng(1).standard_normal((200, 210)).astype(np.float32)
    places = np.random.default_rng(2).uniform(0, 199, (2, AT_ONCE + 77)).astype(np.float32)
    expected = ndimage.map_coordinates(image, places, order=1)
    np.testing.assert_allclose(linear(image, places), expected, atol=1e-5)
    assert linear(image, places[:, :0]).shape == (0,)


@pytest.mark.parametrize("shape", [(30, 24), (14, 17, 12)])
def test_a_map_pulls_an_image_as_scipy_does(shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(3)
    image = ndimage.gaussian_filter(generator.standard_normal(shape), 1).astype(np.float32)
    map_ = Affine.about(np.eye(len(shape)) + 0.1 * generator.standard_normal((len(shape),) * 2), shape)
    expected = ndimage.affine_transform(image, map_.matrix, map_.offset, order=1, mode="constant", cval=-1)
    np.testing.assert_allclose(map_.pull(image, shape, -1), expected, atol=1e-5)
