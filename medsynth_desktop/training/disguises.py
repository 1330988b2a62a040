"""Disguises of images as augmentation: what a copy may have gone through before it turns up, drawn at random.

All randomness comes from the generator passed in, drawn on the CPU: the same disguises on any device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

AIR = -1.0
"""What comes in from outside an image."""


@dataclass(frozen=True, slots=True)
class Disguises:
    """How far images are disguised; the defaults are the limits up to which the guard promises to find a copy.

    ``shift`` is in voxels of the cohort's grid, ``turn`` in degrees, ``scale``, ``blur`` (sigma) and ``crop`` are
    shares of the image, ``gain`` and ``gamma`` factors either way, ``noise`` a standard deviation on [-1, 1]. ``part``
    is the share of images of which only a half or a box survives, pasted into another patient's.
    """

    shift: float = 8.0
    turn: float = 10.0
    scale: float = 0.05
    blur: float = 0.02
    noise: float = 0.2
    gain: float = 1.5
    gamma: float = 2.0
    crop: float = 0.75
    part: float = 0.2


def disguise(
    images: torch.Tensor, generator: torch.Generator, how: Disguises, voxel: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Disguise each of ``images`` (n, 1, *space) in [-1, 1]; parts are pasted into the image before it in the batch.

    Parameters
    ----------
    voxel
        Size of a voxel of ``images`` in voxels of the cohort's grid.

    Returns
    -------
    tuple
        The disguised images, and (n,) bool, true where the image before it shows too.
    """
    count = len(images)
    moved = move(images, generator, how, voxel)
    pasted = chance(count, how.part, generator).to(images.device)
    boxes = _boxes(images.shape, generator).to(images.device)
    moved = torch.where(_as(pasted, images) & ~boxes, images.roll(1, 0), moved)
    bare = chance(count, 0.1, generator).to(images.device) & ~pasted
    moved = torch.where(_as(bare, images) & ~_middle(images.shape, how.crop).to(images.device), AIR, moved)
    fewer = voxel ** ((images.ndim - 2) / 2)  # means over so many voxels are as much less noisy
    return contrast(moved, generator, replace(how, noise=how.noise / fewer)), pasted


def move(
    images: torch.Tensor, generator: torch.Generator, how: Disguises, voxel: float = 1.0
) -> torch.Tensor:
    """Mirror, turn, shift and scale each image; one in ten is cropped to its middle and enlarged to the whole."""
    count, space = len(images), images.shape[2:]
    dims = len(space)
    still = chance(count, 0.2, generator)
    sign = torch.where(chance(count, 0.5, generator), -1.0, 1.0)
    matrix = torch.eye(dims).repeat(count, 1, 1)
    matrix[:, 0, 0] = sign
    matrix = _turns(count, dims, how.turn, generator) @ matrix
    size = torch.exp(math.log1p(how.scale) * spread(count, generator))
    size = torch.where(chance(count, 0.1, generator), 1 / how.crop, size)
    matrix = matrix / size[:, None, None]
    away = how.shift / voxel * torch.stack([spread(count, generator) for _ in space], dim=1)
    matrix[still] = torch.diag_embed(
        torch.cat([sign[still, None], torch.ones(int(still.sum()), dims - 1)], dim=1)
    )
    away[still] = 0
    half = torch.tensor(space) / 2
    theta = torch.cat([matrix * half[None, None, :] / half[None, :, None], (away / half)[:, :, None]], dim=2)
    theta = torch.cat(
        [theta[:, :, :dims].flip(1, 2), theta[:, :, dims:].flip(1)], dim=2
    )  # torch counts axes from last
    grid = functional.affine_grid(theta.to(images), list(images.shape), align_corners=False)
    return functional.grid_sample(images - AIR, grid, align_corners=False) + AIR


def contrast(images: torch.Tensor, generator: torch.Generator, how: Disguises) -> torch.Tensor:
    """Change gamma and gain, blur, add noise and invert, each in some of the images."""
    count, device = len(images), images.device

    def drawn(share: float, values: torch.Tensor, without: float) -> torch.Tensor:
        return _as(torch.where(chance(count, share, generator), values, without), images).to(device)

    grey = ((images + 1) / 2).clamp(0, 1)
    grey = grey ** drawn(0.4, torch.exp(math.log(how.gamma) * spread(count, generator)), 1.0)
    grey = grey * drawn(0.4, torch.exp(math.log(how.gain) * spread(count, generator)), 1.0)
    made = 2 * grey.clamp(0, 1) - 1
    softer = drawn(0.4, torch.rand(count, generator=generator), 0.0)
    made = made.lerp(blur(made, how.blur * max(images.shape[2:])), softer)
    level = drawn(0.5, how.noise * torch.rand(count, generator=generator), 0.0)
    made = (made + level * torch.randn(images.shape, generator=generator).to(device)).clamp(-1, 1)
    return made * drawn(0.3, torch.full((count,), -1.0), 1.0)


def blur(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian of ``sigma`` voxels along every axis; borders repeat."""
    if sigma <= 0:
        return images
    for axis in range(2, images.ndim):
        lines = images.movedim(axis, -1)
        images = (lines @ _smear(lines.shape[-1], sigma).to(images)).movedim(-1, axis)
    return images


def _smear(n: int, sigma: float) -> torch.Tensor:
    """(n, n): column i weighs the cells of a line for cell i of the blurred one."""
    reach = max(1, math.ceil(3 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    cells = (torch.arange(n)[None] + torch.arange(-reach, reach + 1)[:, None]).clamp(0, n - 1)
    weights = (kernel / kernel.sum())[:, None].expand(-1, n)
    return torch.zeros(n, n).scatter_add(0, cells, weights)


def chance(count: int, share: float, generator: torch.Generator) -> torch.Tensor:
    """(count,) bool, true with probability ``share``."""
    return torch.rand(count, generator=generator) < share


def spread(count: int, generator: torch.Generator) -> torch.Tensor:
    """(count,) even between -1 and 1."""
    return 2 * torch.rand(count, generator=generator) - 1


def _turns(count: int, dims: int, degrees: float, generator: torch.Generator) -> torch.Tensor:
    """(count, dims, dims) rotations by up to ``degrees``, in three dimensions about any axis."""
    angle = math.radians(degrees) * spread(count, generator)
    generators = torch.zeros(count, dims, dims)
    if dims == 2:
        generators[:, 0, 1], generators[:, 1, 0] = -angle, angle
    else:
        axis = functional.normalize(torch.randn(count, 3, generator=generator), dim=1) * angle[:, None]
        for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            generators[:, b, a], generators[:, a, b] = axis[:, c], -axis[:, c]
    turns: torch.Tensor = torch.linalg.matrix_exp(generators)
    return turns


def _boxes(shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """(n, 1, *space) bool: of each image what survives in another, one half (left or right) or a box of a quarter."""
    count, space = shape[0], shape[2:]
    halves, side = chance(count, 0.5, generator), chance(count, 0.5, generator)
    inside = torch.ones(shape, dtype=torch.bool)
    for axis, n in enumerate(space):
        cells = torch.arange(n)[None]
        size = round(n * 0.25 ** (1 / len(space)))
        start = ((n - size) * (0.5 + 0.25 * spread(count, generator)))[:, None].round()
        kept = (cells >= start) & (cells < start + size)
        if axis == 0:
            half = (cells < n // 2) == side[:, None]
        else:
            half = torch.ones(count, n, dtype=torch.bool)
        line = torch.where(halves[:, None], half, kept)
        inside &= line.reshape(count, 1, *(n if a == axis else 1 for a in range(len(space))))
    return inside


def _middle(shape: torch.Size, share: float) -> torch.Tensor:
    """(1, 1, *space) bool: the middle ``share`` of every axis."""
    inside = torch.ones((1, 1, *shape[2:]), dtype=torch.bool)
    for axis, n in enumerate(shape[2:]):
        start = (n - round(n * share)) // 2
        line = (torch.arange(n) >= start) & (torch.arange(n) < n - start)
        inside &= line.reshape(1, 1, *(n if a == axis else 1 for a in range(len(shape) - 2)))
    return inside


def _as(values: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """(n,) values that broadcast over (n, 1, *space)."""
    return values.reshape(-1, *(1,) * (images.ndim - 1))
