"""Disguises of the augmentation, each against what can be known of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from medsynth_desktop.training import disguises as module
from medsynth_desktop.training.disguises import Disguises, blur, contrast, disguise, move

NOTHING = Disguises(shift=0, turn=0, scale=0, blur=0, noise=0, gain=1, gamma=1, crop=1, part=0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(dims: int, count: int = 40, n: int = 16) -> torch.Tensor:
    array = np.random.default_rng(0).normal(size=(count, 1, *(n, n + 4, n + 2)[:dims]))
    smooth = ndimage.gaussian_filter(array, [0, 0, *(2,) * dims])
    return torch.from_numpy(np.clip(3 * smooth, -1, 1)).float()


@pytest.mark.parametrize("dims", [2, 3])
def test_the_generator_decides_and_nothing_else(dims: int) -> None:
    torch.manual_seed(1)
    one, pasted = disguise(images(dims), generator(), Disguises())
    torch.manual_seed(2)
    again, _ = disguise(images(dims), generator(), Disguises())
    assert torch.equal(one, again)
    assert not torch.equal(one, disguise(images(dims), generator(1), Disguises())[0])
    assert one.shape == images(dims).shape
    assert (one.abs() <= 1).all()
    assert 0 < pasted.sum() < len(pasted)


@pytest.mark.parametrize("dims", [2, 3])
def test_without_strength_an_image_is_itself_or_its_mirror_or_its_negative(dims: int) -> None:
    before = images(dims)
    made, pasted = disguise(before, generator(), NOTHING)
    assert not pasted.any()
    mirror = before.flip(2)
    kinds = [before, mirror, -before, -mirror]
    distance = torch.stack([(made - k).abs().flatten(1).max(1).values for k in kinds])
    assert distance.min(0).values.max() < 1e-3
    assert len(set(distance.argmin(0).tolist())) == 4  # each of the four happens


@pytest.mark.parametrize("dims", [2, 3])
def test_a_shift_moves_the_middle_by_as_much_as_asked(dims: int) -> None:
    spot = torch.full((200, 1, *(33,) * dims), -1.0)
    spot[(slice(None), 0, *(slice(15, 18),) * dims)] = 1.0
    made = move(spot, generator(), replace(NOTHING, shift=16.0), voxel=2.0) + 1  # at most 8 cells
    cells = torch.arange(33.0) - 16
    for axis in range(dims):
        line = made.sum([a for a in range(1, dims + 2) if a != axis + 2])
        away = (line * cells).sum(1) / line.sum(1)
        assert away.abs().max() < 8.5
        assert away.abs().max() > 6


@pytest.mark.parametrize("dims", [2, 3])
def test_turns_are_rotations_up_to_the_angle(dims: int) -> None:
    turns = module._turns(500, dims, 10.0, generator())
    eye = torch.eye(dims).expand(500, -1, -1)
    torch.testing.assert_close(turns @ turns.transpose(1, 2), eye, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(500))
    cosine = (turns.diagonal(dim1=1, dim2=2).sum(1) - (dims - 2)) / 2
    angle = torch.rad2deg(torch.arccos(cosine.clamp(-1, 1)))
    assert 9 < angle.max() < 10.1


def test_a_turn_goes_round_the_centre_whatever_the_shape() -> None:
    """A disc in the middle of a wide image stays where and what it is."""
    axes = np.mgrid[:16, :32]
    disc = np.where((axes[0] - 7.5) ** 2 + (axes[1] - 15.5) ** 2 < 25, 1.0, -1.0)
    one = torch.from_numpy(disc).float().repeat(50, 1, 1, 1)
    made = move(one, generator(), replace(NOTHING, turn=45.0))
    assert (made - one).abs().mean() < 0.03


def test_blur_is_scipys() -> None:
    array = images(2, 3)
    wanted = ndimage.gaussian_filter(array.numpy(), [0, 0, 1.5, 1.5], mode="nearest", truncate=3.4)
    np.testing.assert_allclose(blur(array, 1.5), wanted, atol=1e-3)
    assert torch.equal(blur(array, 0), array)


def test_noise_has_its_size_and_gamma_keeps_black_and_white() -> None:
    grey = torch.zeros(400, 1, 8, 8)
    made = contrast(grey, generator(), replace(NOTHING, noise=0.2)).flatten(1).std(1)
    assert 0.15 < made.max() < 0.26
    assert (made == 0).any()
    ends = torch.tensor([-1.0, 1.0]).repeat(50, 1, 4, 4)
    changed = contrast(ends, generator(), replace(NOTHING, gamma=2.0))
    torch.testing.assert_close(changed.abs(), ends.abs(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_part_is_a_half_or_a_quarter_and_the_rest_is_the_image_before(dims: int) -> None:
    levels = torch.linspace(-0.9, 0.9, 40).reshape(40, *(1,) * (dims + 1)).expand(40, 1, *(32,) * dims)
    made, pasted = disguise(levels, generator(), replace(NOTHING, part=1.0))
    assert pasted.all()
    own = ((made.abs() - levels.abs()).abs() < 1e-4).flatten(1).float().mean(1)
    before = ((made.abs() - levels.roll(1, 0).abs()).abs() < 1e-4).flatten(1).float().mean(1)
    torch.testing.assert_close(
        (own + before)[1:19], torch.ones(18)
    )  # levels differ, but for the sign of the middle
    assert {round(float(share), 1) for share in own[1:19]} <= {0.2, 0.3, 0.5}
    assert len({round(float(share), 1) for share in own[1:19]}) > 1


def test_a_crop_leaves_air_around_the_middle() -> None:
    made, _ = disguise(torch.full((60, 1, 16, 16), 0.5), generator(), replace(NOTHING, crop=0.75))
    air = (made.abs() > 0.99).flatten(1).float().mean(1)
    assert sorted({round(float(a), 4) for a in air}) == [0.0, round(1 - 144 / 256, 4)]
