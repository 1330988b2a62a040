"""What an autoencoder learns from: random patches of images of one grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.networks.architecture import AnyAutoencoderShape
from medsynth_desktop.training.checkpoint import step_generator

Images: TypeAlias = Sequence[np.ndarray] | np.ndarray
"""Conformed images, float32 of one grid in [-1, 1]: one array, or many; memory maps are fine."""


def check_arrays(arrays: Images, shape: AnyAutoencoderShape) -> None:
    """Refuse images that the networks cannot take.

    Raises
    ------
    InputRefused
        No images, differing shapes, or a grid that does not divide.
    """
    if len(arrays) == 0:
        raise InputRefused("There is no training image; import a cohort first.")
    grid = arrays[0].shape
    if any(a.shape != grid for a in arrays) or len(grid) != shape.spatial_dims:
        raise InputRefused(f"Training images need one {shape.spatial_dims}D grid; the first has {grid}.")
    if any(n % shape.factor for n in grid):
        raise InputRefused(
            f"Every axis of the grid must divide by {shape.factor}; got {grid}; conform the cohort anew."
        )


def draw_patches(
    arrays: Images, batch: int, size: int, generator: torch.Generator, own: slice = slice(None)
) -> torch.Tensor:
    """(batch, 1, *patch): random places of random images, half of them mirrored left to right (axis x).

    Only the rows ``own`` are read and returned; what is drawn for them does not depend on which they are.
    """

    def below(limit: int) -> int:
        return int(torch.randint(limit, (1,), generator=generator))

    grid = arrays[0].shape
    extent = [min(size, n) for n in grid]
    places = []
    for _ in range(batch):
        index = below(len(arrays))
        corner = [below(n - s + 1) for n, s in zip(grid, extent, strict=True)]
        places.append((index, corner, below(2)))
    patches = []
    for index, corner, mirrored in places[own]:
        patch = arrays[index][tuple(slice(c, c + s) for c, s in zip(corner, extent, strict=True))]
        patches.append(np.array(patch[::-1] if mirrored else patch, np.float32))
    return torch.from_numpy(np.stack(patches))[:, None]


Loss: TypeAlias = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def mean_loss(unseen: Images, batch: int, size: int, seed: int, loss: Loss) -> float:
    """The mean of ``loss(patches, generator)`` over one patch of each image: the same patches, the same randomness.

    Raises
    ------
    InputRefused
        Without an image.
    """
    if len(unseen) == 0:
        raise InputRefused("To stop early, a training needs images of patients that it does not learn from.")
    generator, total = step_generator(seed, -1), 0.0
    with torch.inference_mode():
        for start in range(0, len(unseen), batch):
            part = unseen[start : start + batch]
            patches = torch.cat([draw_patches([image], 1, size, generator) for image in part])
            total += len(part) * float(loss(patches, generator))
    return total / len(unseen)
