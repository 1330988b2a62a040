"""Windows as products of matrices say what scipy's filters say."""

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.similarity.disguised.windows import boxes, means, resampled, smoothed

SHAPES = [(31, 20), (16, 21, 18)]


def image_of(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma", [0.8, 2.5, 6.0])
def test_a_gaussian_window_is_that_of_scipy(shape: tuple[int, ...], sigma: float) -> None:
    image = image_of(shape)
    np.testing.assert_allclose(smoothed(image, sigma), ndimage.gaussian_filter(image, sigma), atol=2e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_means_of_cells_are_taken_before_the_window(shape: tuple[int, ...]) -> None:
    image = image_of(shape)
    inside = image[tuple(slice(n // 2 * 2) for n in shape)].astype(float)
    for axis in range(inside.ndim):
        inside = (
            inside.take(range(0, inside.shape[axis], 2), axis)
            + inside.take(range(1, inside.shape[axis], 2), axis)
        ) / 2
    np.testing.assert_allclose(means(image, 2), inside, atol=1e-6)
    np.testing.assert_allclose(means(image, 2, 3.0), ndimage.gaussian_filter(inside, 1.5), atol=2e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_resampling_is_linear_with_the_same_first_corner(shape: tuple[int, ...], ratio: float) -> None:
    image, grid = image_of(shape), tuple(int(n / ratio) for n in shape)
    expected = ndimage.affine_transform(
        image, [ratio] * len(shape), 0.5 * ratio - 0.5, output_shape=grid, order=1, mode="nearest"
    )
    np.testing.assert_allclose(resampled(image, ratio, grid), expected, atol=2e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_box_is_named_by_its_first_corner(shape: tuple[int, ...]) -> None:
    image, size = image_of(shape), [3 + axis for axis in range(len(shape))]
    views = np.lib.stride_tricks.sliding_window_view(image.astype(float), size)
    expected = views.mean(axis=tuple(range(len(shape), 2 * len(shape))))
    np.testing.assert_allclose(boxes(image, size), expected, atol=2e-6)
