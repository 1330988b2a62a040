"""Bring the heads that the demo's teacher learns from into one pose, so that few steps teach it where a face is.

Published latent diffusion models of heads learn from registered scans too (Pinaya et al. 2022, arXiv:2209.07162). Here
no template from outside is needed: every head moves towards the mean of all (congealing, Learned-Miller 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
import torch
from torch.nn import functional

from medsynth_desktop.cohorts.conform import PERCENTILES, conform, grid_affine
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import Recipe
from medsynth_desktop.formats.read import Found, find_volumes

SHRINK, STEPS = 4, 100
"""Poses are found on heads shrunk by this factor, in so many steps; finer voxels moved them no further."""
RATES = (0.006, 0.004, 0.006)
"""Adam's first step for turns (radians), logarithms of the scales, and shifts (half widths of the grid)."""


def align_heads(paths: Sequence[Path], recipe: Recipe, folder: Path) -> Steps[None]:
    """Write every head under ``paths`` to ``folder``, in the mean pose, as 8-bit NIfTI on ``recipe``'s grid.

    Files keep their names; a folder that holds all of them is left as it is.

    Raises
    ------
    InputRefused
        Fewer than two heads, or two of one name.
    """
    found = [item for item in find_volumes(paths) if isinstance(item, Found)]
    targets = [folder / f"{_stem(item.paths[0])}.nii.gz" for item in found]
    if len(set(targets)) < max(2, len(found)):
        raise InputRefused(
            f"Alignment needs two or more heads, each with its own file name; found {len(found)}."
        )
    if all(target.exists() for target in targets):
        return
    folder.mkdir(parents=True, exist_ok=True)
    heads = torch.empty(len(found), 1, *recipe.grid)
    for done, item in enumerate(found):
        heads[done, 0] = torch.from_numpy(conform(item.load(), recipe) + 1)  # 0 outside, as grid_sample pads
        yield Progress(done + 1, len(found), "Reading the heads")
    poses = yield from find_poses(heads)
    for done, (head, pose, target) in enumerate(zip(heads, poses, targets, strict=True)):
        moved = move(head[None], pose[None])[0, 0].numpy()
        grey = np.round(moved * 127.5).astype(np.uint8)
        part = target.with_name(f".part-{target.name}")
        nibabel.save(nibabel.Nifti1Image(grey, grid_affine(recipe)), part)
        part.replace(target)
        yield Progress(done + 1, len(found), "Writing the aligned heads")


def source_recipe(grid: tuple[int, ...], spacing: float) -> Recipe:
    """The grid on which heads are aligned: the field of view of ``grid``, with voxels of half the size."""
    return Recipe(tuple(2 * n for n in grid), spacing / 2, "percentile", *PERCENTILES)


def find_poses(heads: torch.Tensor) -> Steps[torch.Tensor]:
    """The (n, 9) poses (see `move`) that bring ``heads`` (n, 1, x, y, z; 0 outside) nearest to their common mean.

    The mean is made symmetric from left to right, so that midlines meet the middle of the grid.
    """
    small = functional.avg_pool3d(heads, SHRINK)
    parts = [torch.zeros(len(heads), 3, requires_grad=True) for _ in RATES]
    optimiser = torch.optim.Adam([{"params": [p], "lr": r} for p, r in zip(parts, RATES, strict=True)])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / STEPS)
    for step in range(STEPS):
        moved = move(small, torch.cat(parts, dim=1))
        mean = moved.detach().mean(0, keepdim=True)
        mean = (mean + mean.flip(2)) / 2
        distance = (moved - mean).square().mean(dim=(1, 2, 3, 4)).sum()
        optimiser.zero_grad(set_to_none=True)
        distance.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            for part in parts:
                part -= part.mean(0)  # else all could shrink together, and the distance with them
        share = float(distance.detach()) / len(heads)
        yield Progress(step + 1, STEPS, f"Aligning the heads: distance {share:.4f}")
    return torch.cat(parts, dim=1).detach()


def move(heads: torch.Tensor, poses: torch.Tensor) -> torch.Tensor:
    """Resample ``heads`` (n, 1, x, y, z) at ``poses``.

    A pose is three turns about x, y and z (radians), three logarithms of scales, and three shifts in half widths of the
    grid; zeros leave the head alone. Voxels are cubes.
    """
    turns, scales, shifts = poses[:, :3], poses[:, 3:6], poses[:, 6:]
    skew = torch.zeros(len(poses), 3, 3)
    x, y, z = turns.T
    skew[:, 0, 1], skew[:, 0, 2], skew[:, 1, 2] = -z, y, -x
    rotation = torch.linalg.matrix_exp(skew - skew.transpose(1, 2))
    linear = rotation * scales.exp()[:, None, :]
    half = torch.tensor(heads.shape[2:], dtype=torch.float32)
    linear = linear * half[None, None, :] / half[None, :, None]  # grid_sample counts in half widths
    theta = torch.cat(
        [linear.flip(1, 2), shifts.flip(1)[:, :, None]], dim=2
    )  # it also names the last axis first
    grid = functional.affine_grid(theta, list(heads.shape), align_corners=False)
    return functional.grid_sample(heads, grid, align_corners=False)


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")
