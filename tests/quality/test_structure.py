"""MS-SSIM, SSIM and PSNR: kernels that fit, an independent evaluation, identities, pairs of different patients."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio

from medsynth_desktop.core.progress import drain
from medsynth_desktop.quality.structure import (
    Scales,
    compare_pairs,
    draw_pairs,
    fidelity,
    pairs_interval,
    scales_for,
    ssim_kernel,
)


@pytest.mark.parametrize(
    ("grid", "kernel", "scales"),
    [
        ((64, 64, 64), 4, 5),
        ((128, 128, 128), 7, 5),
        ((256, 256, 32), 7, 3),
        ((256, 256), 11, 5),
        ((48, 64, 64), 4, 4),
        ((16, 24, 16), 4, 3),
        ((8, 8), 4, 2),
    ],
)
def test_the_kernel_fits_where_the_defaults_are_refused(
    grid: tuple[int, ...], kernel: int, scales: int
) -> None:
    found = scales_for(grid)
    assert (found.kernel, len(found.weights)) == (kernel, scales)
    assert sum(found.weights) == pytest.approx(1, abs=1e-3)


def test_every_small_grid_is_taken_by_monai() -> None:
    import torch
    from monai.metrics.regression import compute_ms_ssim

    for side in range(8, 90):
        scales = scales_for((side, side + 5))
        image = torch.rand(1, 1, side, side + 5, generator=torch.Generator().manual_seed(side))
        value = compute_ms_ssim(image, image, 2, kernel_size=scales.kernel, weights=scales.weights)
        assert value.item() == pytest.approx(1, abs=1e-5)


def test_a_grid_too_small_says_so() -> None:
    with pytest.raises(ValueError, match="at least 8 voxels"):
        scales_for((7, 64))


def plain_scale(x: np.ndarray, y: np.ndarray, kernel: int) -> tuple[np.ndarray, np.ndarray]:
    """Luminance times contrast, and contrast, at every place that the window fits into; float64."""
    place = np.arange(kernel) - (kernel - 1) / 2
    window = np.exp(-(place**2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(image: np.ndarray) -> np.ndarray:
        for axis in range(image.ndim):
            image = np.apply_along_axis(lambda line: np.convolve(line, window, "valid"), axis, image)
        return image

    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    contrast = (2 * vxy + 0.03**2) / (vx + vy + 0.03**2)
    return contrast * (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2), contrast


def plain_ms_ssim(x: np.ndarray, y: np.ndarray, scales: Scales) -> float:
    """Wang et al. 2003, written out."""
    x, y = ((image.astype(np.float64) + 1) / 2 for image in (x, y))
    product = 1.0
    for number, weight in enumerate(scales.weights, 1):
        whole, contrast = plain_scale(x, y, scales.kernel)
        last = number == len(scales.weights)
        product *= max(0.0, (whole if last else contrast).mean()) ** weight
        x, y = (half(image) for image in (x, y))
    return product


def half(image: np.ndarray) -> np.ndarray:
    for axis in range(image.ndim):
        whole = image.take(range(image.shape[axis] // 2 * 2), axis)
        shape = (*whole.shape[:axis], -1, 2, *whole.shape[axis + 1 :])
        image = whole.reshape(shape).mean(axis + 1)
    return image


def blob(seed: int, grid: tuple[int, ...]) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=grid), 2)
    return np.tanh(noise / noise.std()).astype(np.float32)


@pytest.mark.parametrize("grid", [(40, 44), (16, 24, 18), (256, 180)])
def test_is_the_published_formula(grid: tuple[int, ...]) -> None:
    images, scales = [blob(seed, grid) for seed in range(3)], scales_for(grid)
    images[1] = np.clip(0.7 * images[0] + 0.3 * images[1], -1, 1)
    pairs = np.array([[0, 1], [0, 2], [1, 2]])
    found = drain(compare_pairs(images, pairs, scales))
    truth = [plain_ms_ssim(images[a], images[b], scales) for a, b in pairs]
    assert found == pytest.approx(truth, abs=2e-5)
    assert 0 < found[0] < 1


def test_an_image_and_itself_are_one_order_does_not_matter_and_noise_lowers_it() -> None:
    image = blob(0, (32, 32))
    noisy = [np.clip(image + s * blob(1, (32, 32)), -1, 1) for s in (0.1, 0.5)]
    images, scales = [image, *noisy], scales_for((32, 32))
    same, little, much, back = drain(
        compare_pairs(images, np.array([[0, 0], [0, 1], [0, 2], [2, 0]]), scales)
    )
    assert same == pytest.approx(1, abs=1e-5)
    assert same > little > much
    assert much == pytest.approx(back, abs=1e-6)


@pytest.mark.parametrize("grid", [(32, 40), (16, 24, 18)])
def test_psnr_and_ssim_against_plain_ones(grid: tuple[int, ...]) -> None:
    image = blob(3, grid)
    copy = np.clip(image + 0.1 * blob(4, grid), -1, 1)
    kernel = ssim_kernel(grid)
    psnr, ssim = fidelity(image, copy, kernel)
    wide = image.astype(np.float64), copy.astype(np.float64)
    assert psnr == pytest.approx(peak_signal_noise_ratio(*wide, data_range=2))
    x, y = ((each + 1) / 2 for each in wide)
    assert ssim == pytest.approx(plain_scale(x, y, kernel)[0].mean(), abs=1e-5)
    assert fidelity(image, image, kernel) == (math.inf, pytest.approx(1, abs=1e-6))


def test_pairs_are_of_different_patients_each_once() -> None:
    owners = ("a", "a", "b", "c", "c", "c")
    every = draw_pairs(owners, 1000, np.random.default_rng(0)).tolist()
    truth = [list(p) for p in itertools.combinations(range(6), 2) if owners[p[0]] != owners[p[1]]]
    assert sorted(every) == truth
    for seed in range(20):
        some = draw_pairs(owners, len(truth) - 1, np.random.default_rng(seed)).tolist()
        assert len(some) == len({tuple(p) for p in some}) == len(truth) - 1
        assert all(p in truth for p in some)
    assert len(draw_pairs(("a", "a"), 10, np.random.default_rng(0))) == 0
    assert len(draw_pairs((), 10, np.random.default_rng(0))) == 0


def test_random_pairs_are_drawn_evenly() -> None:
    owners = tuple("aabcd")
    counts: dict[tuple[int, int], int] = {}
    for seed in range(1800):
        for a, b in draw_pairs(owners, 2, np.random.default_rng(seed)).tolist():
            counts[a, b] = counts.get((a, b), 0) + 1
    assert len(counts) == 9
    assert min(counts.values()) > 0.8 * 400
    assert max(counts.values()) < 1.2 * 400


def test_the_interval_of_a_mean_over_pairs_covers_it() -> None:
    """Pairs that share an image are alike: s = a_i + a_j, whose mean is 2 E(a) = 1."""
    rng = np.random.default_rng(5)
    owners = tuple(map(str, range(30)))
    pairs = draw_pairs(owners, 10**6, rng)
    held, naive = 0, 0
    for _ in range(100):
        values = rng.random(30)
        each = values[pairs].sum(axis=1)
        low, high = pairs_interval(each, pairs, owners, rng)
        held += low <= 1 <= high
        naive += abs(each.mean() - 1) <= 1.96 * each.std() / math.sqrt(len(each))
    assert held >= 88
    assert naive < 60  # as if pairs were independent: far too narrow
    assert math.isnan(pairs_interval(np.array([0.5]), np.array([[0, 1]]), ("a", "b"), rng)[0])
