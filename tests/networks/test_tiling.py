"""Tiles give the whole's numbers, within bounds of memory, for every kind of autoencoder."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from medsynth_desktop.networks import tiling
from medsynth_desktop.networks.architecture import (
    AnyAutoencoderShape,
    Autoencoder,
    AutoencoderShape,
    QuantisedShape,
)
from medsynth_desktop.networks.bounded import decode, encode
from medsynth_desktop.networks.operations import operations, reach
from medsynth_desktop.networks.tiling import Budget, largest, run_in_tiles

SHAPES = {
    "kl interpolated": AutoencoderShape(3, (4, 8, 8), (1, 2, 1), 2, 2, transposed=False, fold=1),
    "kl transposed, folded": AutoencoderShape(3, (4, 8), (1, 2), 2, 2, transposed=True, fold=2),
    "kl 2d": AutoencoderShape(2, (4, 8, 8), (2, 1, 1), 2, 2, transposed=False, fold=1),
    "vq": QuantisedShape(3, (4, 8, 8), (1, 2, 2), 1, 64, 3),
    "vq folded": QuantisedShape(3, (4, 8), (2, 1), 2, 64, 3, fold=2),
    "vq 2d": QuantisedShape(2, (4, 8, 8), (2, 1, 2), 1, 64, 3),
}
BUDGETS = {
    "fused": Budget(tile=80_000, kept=0),
    "kept in between": Budget(tile=80_000, kept=200_000),
    "block by block": Budget(tile=100_000, kept=1 << 40),
}


def built(shape: AnyAutoencoderShape) -> Autoencoder:
    """A network whose weights, norms' included, are all random."""
    torch.manual_seed(0)
    network: Autoencoder = shape.build().eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
    if isinstance(shape, QuantisedShape):
        nn.init.normal_(network.codebook.codes)
    return network


def image_for(shape: AnyAutoencoderShape) -> torch.Tensor:
    """Bright on one side: statistics of a tile are not those of the whole."""
    sizes = (160, 16, 16) if shape.spatial_dims == 3 else (256, 32)
    noise = torch.randn(1, 1, *sizes, generator=torch.Generator().manual_seed(1))
    return 0.3 * noise + torch.linspace(-1, 1, sizes[0]).view(1, 1, -1, *(1,) * (len(sizes) - 1))


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("kind", SHAPES)
def test_tiles_give_what_the_whole_gives(kind: str, budget: str) -> None:
    shape = SHAPES[kind]
    network, image = built(shape), image_for(shape)
    latents = network.encode(image)[0]
    whole = network.decode(latents)
    extent = float(whole.max() - whole.min())
    found = network.encode_in_tiles(image, BUDGETS[budget])
    assert float((found - latents).abs().max()) < 2e-5 * float(latents.max() - latents.min())
    tiled = network.decode_in_tiles(latents, BUDGETS[budget])
    assert tiled.shape == whole.shape
    assert float((tiled - whole).abs().max()) < 2e-5 * extent


@pytest.mark.parametrize("budget", BUDGETS)
def test_there_are_tiles_to_test(budget: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = SHAPES["kl interpolated"]
    network, image = built(shape), image_for(shape)
    counts: list[int] = []
    cut = tiling._tiles

    def counted(*words: object) -> list[object]:
        found = list(cut(*words))  # type: ignore[arg-type]
        counts.append(len(found))
        return found

    monkeypatch.setattr(tiling, "_tiles", counted)
    network.decode_in_tiles(network.encode(image)[0], BUDGETS[budget])
    assert max(counts) > 3
    assert (len(counts) == 1) == (budget == "fused")


@pytest.mark.parametrize("kind", SHAPES)
def test_a_rim_covers_what_a_cell_is_made_of_and_wastes_little(kind: str) -> None:
    """Change one plane of cells: no output changes farther away than the rim is wide."""
    network = built(SHAPES[kind])
    for way in network.ways:
        row = [o for block in way for o in operations(block)]
        blocks = [b for b in way if not isinstance(b, nn.GroupNorm)]
        scale = float([*tiling.sizes(row, 1)][-1][1])
        channels = next(m.in_channels for m in way[0].modules() if isinstance(m, nn.Conv2d | nn.Conv3d))
        rim = reach(row)
        size = 2 * rim + 16 + (-2 * rim) % 8
        dims = SHAPES[kind].spatial_dims
        x = torch.randn(1, channels, size, *(16,) * (dims - 1), generator=torch.Generator().manual_seed(0))
        changed = x.clone()
        place = size // 2
        changed[:, :, place] += 1
        outputs = [_without_norms(blocks, v) for v in (x, changed)]
        touched = torch.nonzero((outputs[0] - outputs[1]).abs().amax((0, 1, *range(3, dims + 2))) > 0)[:, 0]
        # The cells that the first and the last touched output lie over.
        first, last = math.ceil((int(touched.min()) + 1) / scale) - 1, int(int(touched.max()) / scale)
        assert max(place - first, last - place) <= rim <= 2 * max(place - first, last - place) + 1


def _without_norms(blocks: list[nn.Module], x: torch.Tensor) -> torch.Tensor:
    for operation in itertools.chain(*map(operations, blocks)):
        if isinstance(operation, tiling.Apply):
            x = operation.layer(x)
    return x


def test_no_layer_within_a_tile_exceeds_the_budget() -> None:
    shape = SHAPES["kl interpolated"]
    network, image = built(shape), image_for(shape)
    latents = network.encode(image)[0]
    budget = Budget(tile=300_000, kept=1 << 40)
    assert largest(network.ways[1], latents.shape) > 2 * budget.tile
    widest: list[int] = []
    for module in network.decoder.modules():
        if isinstance(module, nn.Conv3d):
            module.register_forward_hook(lambda m, i, o: widest.append(4 * o.numel()))
    network.decode_in_tiles(latents, budget)
    assert max(widest) <= budget.tile


def test_what_fits_runs_whole_and_what_does_not_in_tiles() -> None:
    network, image = built(SHAPES["vq"]), image_for(SHAPES["vq"]).repeat(2, 1, 1, 1, 1)
    whole = network.encode(image)[0]
    assert torch.equal(encode(network, image), whole)
    one_by_one = encode(network, image, whole=4 * 4 * image[0].numel())
    in_tiles = encode(network, image, whole=1000, budget=BUDGETS["fused"])
    for found in (one_by_one, in_tiles):
        assert found.shape == whole.shape
        assert torch.allclose(found, whole, atol=1e-4)
    picture = network.decode(whole)
    assert torch.equal(decode(network, whole), picture)
    assert torch.allclose(decode(network, whole, whole=1000, budget=BUDGETS["fused"]), picture, atol=1e-4)


def test_an_unknown_block_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="LayerNorm"):
        run_in_tiles([nn.LayerNorm(4)], torch.zeros(1, 4, 8, 8, 8))
