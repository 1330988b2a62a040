from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_desktop.networks.architecture import AutoencoderShape, UNetShape
from medsynth_desktop.networks.folding import Folding

TINY = AutoencoderShape(3, (8, 16), (1, 1), latent_channels=2, norm_groups=4)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("fold", [1, 2])
@pytest.mark.parametrize("transposed", [True, False])
def test_latents_are_smaller_by_the_factor_and_decode_to_the_grid(
    dims: int, fold: int, transposed: bool
) -> None:
    shape = AutoencoderShape(dims, (8, 16), (1, 1), 2, 4, transposed, fold)
    network = shape.build().eval()
    image = torch.zeros(1, 1, *(16, 24, 32)[:dims])
    with torch.inference_mode():
        mean, sigma = network.encode(image)
        restored = network.decode(mean)
    assert mean.shape == sigma.shape == (1, 2, *(n // shape.factor for n in image.shape[2:]))
    assert restored.shape == image.shape


@pytest.mark.parametrize("dims", [2, 3])
def test_folding_moves_voxels_and_loses_none(dims: int) -> None:
    folding = Folding(2, dims)
    image = torch.arange(4.0**dims).reshape(1, 1, *(4,) * dims)
    folded = folding.fold(image)
    assert folded.shape == (1, 2**dims, *(2,) * dims)
    # The first coarse cell holds the 2 x 2 (x 2) voxels of the first corner.
    corner = image[(0, 0) + (slice(0, 2),) * dims].flatten()
    assert torch.equal(folded[(0, slice(None)) + (0,) * dims], corner)
    assert torch.equal(folding.unfold(folded), image)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_unet_keeps_the_shape_of_its_latents(dims: int) -> None:
    network = UNetShape(dims, 2, (16, 32), (1, 1), (False, True), 16, 8, fold=1).build().eval()
    x = torch.zeros(1, 2, *(4, 6, 8)[:dims])
    with torch.inference_mode():
        assert network(x, torch.tensor([3.5])).shape == x.shape


@pytest.mark.parametrize(
    "wrong",
    [
        {"spatial_dims": 4},
        {"spatial_dims": True},
        {"channels": (8, 12)},
        {"channels": (8, 16, 32)},
        {"channels": (10**9, 10**9)},
        {"channels": ()},
        {"res_blocks": (1, 99)},
        {"latent_channels": 0},
        {"latent_channels": 2.0},
        {"norm_groups": 0},
        {"fold": 64},
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    known = {
        "spatial_dims": 3,
        "channels": (8, 16),
        "res_blocks": (1, 1),
        "latent_channels": 2,
        "norm_groups": 8,
    }
    with pytest.raises(ValueError, match=r"must|needs"):
        AutoencoderShape(**{**known, **wrong})  # type: ignore[arg-type]


def test_head_channels_must_divide_what_attends() -> None:
    with pytest.raises(ValueError, match="head_channels"):
        UNetShape(3, 2, (16, 32), (1, 1), (True, True), 32, 8, fold=1)


@settings(max_examples=20, deadline=None)
@given(
    channels=st.lists(st.sampled_from([8, 16, 24, 32]), min_size=1, max_size=3),
    blocks=st.integers(1, 2),
    dims=st.sampled_from([2, 3]),
    fold=st.sampled_from([1, 2, 4]),
)
def test_every_shape_in_range_builds(channels: list[int], blocks: int, dims: int, fold: int) -> None:
    shape = AutoencoderShape(dims, tuple(channels), (blocks,) * len(channels), 2, 8, True, fold)
    with torch.device("meta"):
        network = shape.build()
        image = torch.zeros(1, 1, *(shape.factor * 2,) * dims)
        mean, _ = network.encode(image)
        assert network.decode(mean).shape == image.shape
