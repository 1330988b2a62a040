"""MS-SSIM of random pairs of one set (how varied it is), SSIM and PSNR of an image and its reconstruction.

MONAI computes MS-SSIM and SSIM. What it leaves open is chosen here and recorded: its default kernel and scales are
refused at 64^3, 128^3 and 256 x 256 x 32, and SSIM's luminance means nothing on intensities below 0, so images in
[-1, 1] are brought to [0, 1] and the range is 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.guard.bootstrap import patient_draws, percentile_ends

if TYPE_CHECKING:
    import torch

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the five scales, finest first: Wang, Simoncelli and Bovik 2003."""
KERNELS = (11, 7, 4)
"""Sides of the Gaussian window in voxels: as published, and those that small grids allow (4 at 64^3, 7 at 128^3)."""
SIGMA = 1.5
"""Standard deviation of the window in voxels, as published; a smaller window cuts it off."""
MANY = 1 << 20
"""Voxels of images that are compared at a time: on a processor more are slower, for memory is taken anew each time."""
RESAMPLES = 1000

Pairs = np.ndarray


@dataclass(frozen=True, slots=True)
class Scales:
    """How MS-SSIM is made: side of the window in voxels, its standard deviation, and a weight for each scale."""

    kernel: int
    sigma: float
    weights: tuple[float, ...]


def scales_for(grid: tuple[int, ...]) -> Scales:
    """Choose the most scales that a window of 4 voxels fits into, then the largest window that fits these.

    Of fewer than five scales the finest ones' weights are used, brought to a sum of 1.

    Raises
    ------
    ValueError
        For a grid with an axis under 8, which no model here has.
    """
    for scales in range(len(WEIGHTS), 1, -1):
        # MONAI asks for shortest // (scales - 1)^2 >= kernel; two scales halve once, which it does not ask for
        room = min(grid) // max(2, (scales - 1) ** 2)
        fits = [kernel for kernel in KERNELS if kernel <= room]
        if fits:
            total = sum(WEIGHTS[:scales])
            return Scales(fits[0], SIGMA, tuple(weight / total for weight in WEIGHTS[:scales]))
    raise ValueError(f"MS-SSIM needs at least 8 voxels along each axis; got {grid}")


def draw_pairs(owners: Sequence[str], most: int, generator: np.random.Generator) -> Pairs:
    """(p, 2) indices of pairs of different owners, each once: all where there are at most ``most``, else random."""
    names, owner, counts = np.unique(np.asarray(owners), return_inverse=True, return_counts=True)
    count = math.comb(len(owner), 2) - sum(math.comb(int(n), 2) for n in counts)
    if count <= most:
        first, second = np.triu_indices(len(owner), 1)
        apart = owner[first] != owner[second]
        return np.stack([first[apart], second[apart]], axis=1)
    chosen: dict[tuple[int, int], None] = {}
    while len(chosen) < most:
        a, b = (int(index) for index in generator.integers(len(owner), size=2))
        if owner[a] != owner[b]:
            chosen[min(a, b), max(a, b)] = None
    return np.array(list(chosen), np.intp)


def compare_pairs(
    images: Sequence[np.ndarray], pairs: Pairs, scales: Scales, device: str = "cpu", whose: str = "images"
) -> Steps[np.ndarray]:
    """(p,) MS-SSIM of each pair of ``images`` in [-1, 1]; 1 where both are the same."""
    import torch
    from monai.metrics.regression import compute_ms_ssim

    found: list[float] = []
    step = max(1, MANY // max(1, int(np.prod(np.shape(images[0])))))
    for start in range(0, len(pairs), step):
        some = pairs[start : start + step]
        a, b = (_unit(np.stack([images[i] for i in column]), device) for column in some.T)
        with torch.inference_mode():
            value = compute_ms_ssim(
                a, b, a.ndim - 2, kernel_size=scales.kernel, kernel_sigma=scales.sigma, weights=scales.weights
            )
        found += value[:, 0].tolist()
        yield Progress(len(found), len(pairs), f"Comparing pairs of {whose}")
    return np.array(found)


def pairs_interval(
    values: np.ndarray, pairs: Pairs, owners: Sequence[str], generator: np.random.Generator
) -> tuple[float, float]:
    """95% bootstrap interval of the mean over pairs: whole patients are drawn again, and a pair with both of its own.

    NaN with fewer than three patients, whose resamples hold one pair or none.
    """
    if len(set(owners)) < 3:
        return math.nan, math.nan
    draws = patient_draws(owners, RESAMPLES, generator)
    weights = draws[:, pairs[:, 0]] * draws[:, pairs[:, 1]]
    total = weights.sum(axis=1)
    there = total > 0
    return percentile_ends(weights[there] @ values / total[there])


def fidelity(image: np.ndarray, copy: np.ndarray, kernel: int, device: str = "cpu") -> tuple[float, float]:
    """Return PSNR in dB and SSIM of ``copy`` against ``image``, both in [-1, 1], 2D or 3D.

    PSNR = -10 log10 of the mean squared difference on [0, 1]; infinite for the same image.
    """
    import torch
    from monai.metrics.regression import compute_ssim_and_cs

    error = float(np.square(np.asarray(image, np.float64) - copy).mean()) / 4
    dims = image.ndim
    with torch.inference_mode():
        a, b = (_unit(np.asarray(each)[None], device) for each in (copy, image))
        value, _ = compute_ssim_and_cs(a, b, dims, (kernel,) * dims, (SIGMA,) * dims)
    return -10 * math.log10(error) if error > 0 else math.inf, float(value.mean())


def ssim_kernel(grid: tuple[int, ...]) -> int:
    """The largest window of `KERNELS` that fits into ``grid``."""
    return next(kernel for kernel in KERNELS if kernel <= min(grid))


def _unit(images: np.ndarray, device: str) -> torch.Tensor:
    """(n, 1, grid...) float32 in [0, 1] of (n, grid...) images in [-1, 1]."""
    import torch

    return torch.from_numpy((np.asarray(images, np.float32) + 1) / 2)[:, None].to(device)
