"""Windows as products of matrices say what scipy's filters say."""

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.similarity.disguised.windows import (
    boxes,
    mean_products,
    means,
    quantile,
    resampled,
    slopes,
    smoothed,
)

SHAPES = [(31, 20), (16, 21, 18), (90, 27), (50, 26, 70)]


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
    whole, other = image.astype(float), image_of(shape)[..., ::-1]
    seen = mean_products([(image, image), (image, other)], 2, 3.0)
    for found, product in zip(seen, (whole * whole, whole * other), strict=True):
        blocks = ndimage.uniform_filter(product, 2, origin=-1)[tuple(slice(0, n // 2 * 2, 2) for n in shape)]
        np.testing.assert_allclose(found, ndimage.gaussian_filter(blocks, 1.5), atol=2e-6)


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


def test_windows_over_the_last_axes_alone_are_those_of_each_image() -> None:
    images = np.stack([image_of((40, 21, 18)), image_of((40, 21, 18)) ** 2])
    both, larger = smoothed(images, 2.0, 3), resampled(images, 0.5, (80, 42, 36), 3)
    for image, found, more in zip(images, both, larger, strict=True):
        np.testing.assert_allclose(found, smoothed(image, 2.0), atol=1e-6)
        np.testing.assert_allclose(more, resampled(image, 0.5, (80, 42, 36)), atol=1e-6)


@pytest.mark.parametrize("shape", [*SHAPES, (2, 2), (5, 2, 3)])
def test_slopes_are_the_gradient_that_numpy_takes(shape: tuple[int, ...]) -> None:
    image = image_of(shape)
    np.testing.assert_allclose(slopes(image), np.stack(np.gradient(image)), atol=1e-6)


def test_an_axis_of_one_cell_has_no_slope() -> None:
    image = image_of((1, 5, 4))
    np.testing.assert_allclose(slopes(image)[1:, 0], np.stack(np.gradient(image[0])), atol=1e-6)
    assert not slopes(image)[0].any()


@pytest.mark.parametrize("shape", [*SHAPES, (1, 1), (2, 1), (3, 1, 1)])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.98, 1.0])
def test_a_quantile_is_the_one_of_numpy(shape: tuple[int, ...], share: float) -> None:
    image = image_of(shape) ** 2
    for values in (image, np.round(image), 0 * image, image * np.float32(1e-30), image * np.float32(1e30)):
        np.testing.assert_allclose(quantile(values, share), np.quantile(values, share), rtol=1e-6)
