"""Convolutions by oneDNN: as near to the exact result as torch's, the same gradients, names and copies."""

from __future__ import annotations

import copy
import time

import pytest
import torch
from torch import nn

from medsynth_desktop.networks.architecture import AutoencoderShape, QuantisedShape, UNetShape
from medsynth_desktop.networks.convolutions import Conv2d, Conv3d, by_onednn
from medsynth_desktop.networks.factorised import FactorisedShape

LAYERS = {
    "3D": (lambda: nn.Conv3d(24, 16, 3, padding=1), (1, 24, 6, 8, 8)),
    "3D halved": (lambda: nn.Conv3d(8, 12, 3, stride=2, padding=1), (2, 8, 6, 8, 10)),
    "in a plane": (lambda: nn.Conv3d(8, 8, (3, 3, 1), padding=(1, 1, 0)), (1, 8, 6, 8, 4)),
    "dilated groups": (lambda: nn.Conv3d(8, 8, 3, padding=2, dilation=2, groups=2), (1, 8, 6, 8, 8)),
    "2D": (lambda: nn.Conv2d(32, 24, 3, padding=1), (1, 32, 12, 12)),
    "of words": (lambda: nn.Conv2d(6, 6, 3, padding="same"), (1, 6, 9, 9)),
    "without bias": (lambda: nn.Conv2d(6, 6, 3, bias=False), (1, 6, 9, 9)),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_it_computes_what_torch_computes_in_float64(kind: str) -> None:
    make, size = LAYERS[kind]
    torch.manual_seed(0)
    plain, x = make(), torch.randn(size, requires_grad=True)
    exact, exact_x = copy.deepcopy(plain).double(), x.detach().double().requires_grad_()
    ours = by_onednn(nn.Sequential(plain))
    assert type(ours[0]) in (Conv2d, Conv3d)
    found, wanted = ours(x), exact(exact_x)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5)
    found.square().sum().backward()
    wanted.square().sum().backward()
    torch.testing.assert_close(x.grad.double(), exact_x.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours[0].weight.grad.double(), exact.weight.grad, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shape", [AutoencoderShape(2), QuantisedShape(2), UNetShape(), FactorisedShape()])
def test_every_network_is_built_of_them(shape: AutoencoderShape) -> None:
    network = shape.build()
    kinds = {type(layer) for layer in network.modules()}
    assert not kinds & {nn.Conv2d, nn.Conv3d}
    assert {type(layer) for layer in copy.deepcopy(network).modules()} == kinds


def test_other_precisions_go_torch_s_way() -> None:
    layer, x = by_onednn(nn.Conv2d(4, 4, 3)), torch.randn(1, 4, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    assert layer.double()(x.double()).dtype == torch.float64
    assert layer.float()(x[0]).shape == (4, 6, 6)  # an image without a batch


def test_one_small_volume_takes_less_time_than_by_torch() -> None:
    """Why the module is there: once torch does this itself, it may go."""
    torch.manual_seed(0)
    plain, x = nn.Conv3d(128, 128, 3, padding=1), torch.randn(1, 128, 6, 8, 8)
    ours = by_onednn(copy.deepcopy(plain))
    seconds: dict[str, list[float]] = {"plain": [], "ours": []}
    with torch.inference_mode():
        for _ in range(8):
            for name, layer in (("plain", plain), ("ours", ours)):
                began = time.perf_counter()
                layer(x)
                seconds[name].append(time.perf_counter() - began)
    assert min(seconds["ours"]) < min(seconds["plain"])
