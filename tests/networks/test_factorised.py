"""The plane-then-depth UNet: what mixes what."""

from __future__ import annotations

import pytest
import torch

from medsynth_desktop.networks.architecture import UNetShape
from medsynth_desktop.networks.factorised import (
    LONGEST_DEPTH,
    Attention,
    FactorisedShape,
    FactorisedUNet,
    PlaneThenDepth,
)
from medsynth_desktop.training.presets import preset_for


def network(conditions: tuple[int, ...] = ()) -> FactorisedUNet:
    """Small; nothing is left at zero, where MONAI and we let layers begin, but attention along the depth."""
    torch.manual_seed(0)
    made = FactorisedUNet(2, (16, 32), (1, 2), (False, True), 16, 8, conditions, 8).eval()
    for name, parameter in made.named_parameters():
        if not parameter.any() and ".depth." not in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return made


def _without_group_norm(module: torch.nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, torch.nn.GroupNorm):
            setattr(module, name, torch.nn.Identity())


def predict(made: FactorisedUNet, x: torch.Tensor, given: torch.Tensor | None = None) -> torch.Tensor:
    with torch.inference_mode():
        return made(x, torch.full((len(x),), 7.0), given)


def test_without_attention_along_the_depth_planes_do_not_know_of_each_other() -> None:
    made = network()
    made.apply(_without_group_norm)  # its statistics, over the whole volume, are all that planes share
    x = torch.randn(1, 2, 8, 12, 5)
    changed = x.clone()
    changed[..., 2] += 1
    apart = (predict(made, changed) - predict(made, x)).abs().amax((0, 1, 2, 3))
    assert apart[2] > 0.1
    apart[2] = 0
    assert apart.max() < 1e-5


def test_attention_along_the_depth_mixes_planes_and_leaves_columns_apart() -> None:
    torch.manual_seed(0)
    block = PlaneThenDepth(16, 8, None).eval()
    torch.nn.init.normal_(block.depth.out.weight, std=0.5)
    x = torch.randn(1, 16, 4, 4, 6)
    changed = x.clone()
    changed[:, :, 1, 2, 3] += torch.randn(16)
    with torch.inference_mode():
        apart = (block(changed, None) - block(x, None)).abs().amax((0, 1)).numpy()
    assert (apart[1, 2] > 1e-4).all()
    apart[1, 2] = 0
    assert apart.max() < 1e-6


def test_relative_positions_tell_near_from_far_and_end_somewhere() -> None:
    torch.manual_seed(0)
    attention = Attention(16, 8, positions=True).eval()
    assert attention.nearness is not None
    torch.nn.init.normal_(attention.out.weight)
    x = torch.randn(1, 6, 16)
    with torch.inference_mode():
        turned = attention(x.flip(1)).flip(1)
        torch.testing.assert_close(turned, attention(x))  # no position is known yet
        attention.nearness.normal_(std=2)
        assert not torch.allclose(attention(x.flip(1)).flip(1), attention(x))
        assert attention(torch.randn(1, 3 * LONGEST_DEPTH, 16)).isfinite().all()


@pytest.mark.parametrize("depth", [1, 5, 8])
def test_any_depth_goes_and_conditions_change_the_prediction(depth: int) -> None:
    made = network((3, 0))
    x = torch.randn(2, 2, 8, 4, depth)
    nothing = predict(made, x)
    assert nothing.shape == x.shape
    nan = float("nan")
    asked = predict(made, x, torch.tensor([[1, nan], [nan, nan]]))
    assert not torch.allclose(asked[0], nothing[0])
    torch.testing.assert_close(asked[1], nothing[1])


def test_it_begins_as_nothing() -> None:
    torch.manual_seed(0)
    made = FactorisedUNet(2, (16, 32), (1, 1), (True, True), 16, 8)
    assert not predict(made, torch.randn(1, 2, 8, 8, 4)).any()


@pytest.mark.parametrize("wrong", [
    {"spatial_dims": 2}, {"channels": (64, 100)}, {"attention": (True,)}, {"head_channels": 0},
    {"res_blocks": (9,) * 4}, {"conditions": (1001,)}, {"attention": (1, 1, 1, 1)}, {"norm_groups": 7},
])  # fmt: skip
def test_impossible_numbers_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must|needs"):
        FactorisedShape(**wrong)  # type: ignore[arg-type]


def test_flat_images_have_planes_without_a_depth() -> None:
    shape, volumes = preset_for("vqgan", 2).diffusion.shape, preset_for("vqgan", 3).diffusion.shape
    assert isinstance(volumes, FactorisedShape)
    assert isinstance(shape, UNetShape)
    assert (shape.spatial_dims, shape.channels, shape.factor) == (2, volumes.channels, volumes.factor)
