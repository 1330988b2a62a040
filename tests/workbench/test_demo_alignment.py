"""Poses of heads: the resampling against scipy's, and heads turned by known amounts brought back together."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import Recipe
from medsynth_desktop.workbench.demo_alignment import align_heads, find_poses, move

SHAPE = (24, 32, 28)


def head() -> np.ndarray:
    """An egg with a nose and an ear: no turn leaves it as it is."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) * n / 28 for n in SHAPE), indexing="ij")
    image = 1.0 * (x**2 / 0.30 + y**2 / 0.50 + z**2 / 0.40 < 1)
    image += 1.0 * (x**2 + (y - 0.75) ** 2 + (z + 0.1) ** 2 < 0.04)
    image += 0.5 * (x**2 + (y + 0.2) ** 2 + (z - 0.4) ** 2 < 0.02)
    return ndimage.gaussian_filter(image.astype(np.float32), 1.0)


def test_no_pose_leaves_the_head_alone() -> None:
    image = torch.from_numpy(head())[None, None]
    torch.testing.assert_close(move(image, torch.zeros(1, 9)), image, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "pose",
    [(0.2, 0, 0, 0, 0, 0, 0, 0, 0), (0, 0.2, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0.2, 0, 0, 0, 0, 0, 0),
     (0, 0, 0, 0.1, -0.1, 0.05, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0.1, -0.05, 0.2),
     (0.1, -0.2, 0.15, 0.05, 0.1, -0.05, 0.1, 0, -0.1)],
    ids=["x", "y", "z", "scales", "shifts", "all"],
)  # fmt: skip
def test_moving_is_the_affine_map_of_the_pose_in_voxels(pose: tuple[float, ...]) -> None:
    image = head()
    turns, scales, shifts = np.array(pose, float).reshape(3, 3)
    linear = Rotation.from_rotvec(turns).as_matrix() * np.exp(scales)
    centre = (np.array(SHAPE) - 1) / 2
    offset = centre - linear @ centre + shifts * np.array(SHAPE) / 2
    expected = ndimage.affine_transform(image, linear, offset, order=1, mode="grid-constant")
    moved = move(torch.from_numpy(image)[None, None], torch.tensor([pose]))[0, 0].numpy()
    inside = (slice(2, -2),) * 3
    np.testing.assert_allclose(moved[inside], expected[inside], atol=2e-5)


def test_heads_in_known_poses_come_together() -> None:
    generator = torch.Generator().manual_seed(0)
    poses = (torch.rand(6, 9, generator=generator) - 0.5) * torch.tensor([0.4] * 3 + [0.2] * 3 + [0.3] * 3)
    heads = torch.from_numpy(head())[None, None].repeat(6, 1, 1, 1, 1)
    apart = move(heads, poses)
    together = move(apart, drain(find_poses(apart)))

    def spread(images: torch.Tensor) -> float:
        return float((images - images.mean(0)).square().mean())

    assert spread(together) < 0.15 * spread(apart)


def test_files_keep_names_and_grid_and_are_written_once(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        turned = ndimage.rotate(
            head(), {"one": 0, "two": 8, "three": -8}[name], axes=(1, 2), reshape=False, order=1
        )
        nibabel.save(nibabel.Nifti1Image(turned, np.diag([4.0, 4.0, 4.0, 1.0])), tmp_path / f"{name}.nii")
    recipe = Recipe((32, 32, 32), 4.0, "percentile", 0.1, 99.9)
    out = tmp_path / "aligned"
    drain(align_heads([tmp_path], recipe, out))
    files = sorted(out.iterdir())
    assert [p.name for p in files] == ["one.nii.gz", "three.nii.gz", "two.nii.gz"]
    assert {nibabel.load(p).shape for p in files} == {(32, 32, 32)}
    when = [p.stat().st_mtime_ns for p in files]
    drain(align_heads([tmp_path / f"{n}.nii" for n in ("one", "two", "three")], recipe, out))
    assert [p.stat().st_mtime_ns for p in files] == when


def test_one_head_has_no_mean_to_move_to(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(head(), np.eye(4)), tmp_path / "one.nii")
    with pytest.raises(InputRefused, match="two or more heads"):
        drain(align_heads([tmp_path], Recipe((16, 16, 16), 4.0, "percentile", 0.1, 99.9), tmp_path / "out"))
