"""MONAI's blocks as rows of operations whose reach is known, so that tiles can run them and stop between two.

Only the blocks of AutoencoderKL without attention and of VQVAE are known; any other is refused by its name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from monai.networks.blocks import Convolution, Upsample
from monai.networks.nets.autoencoderkl import AEKLDownsample, AEKLResBlock
from monai.networks.nets.vqvae import VQVAEResidualUnit
from torch import nn

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass(frozen=True, slots=True)
class Apply:
    """A layer that makes ``scale`` cells of one and sees ``rim`` cells beyond; ``channels`` 0: as many as before."""

    layer: nn.Module
    channels: int = 0
    scale: Fraction = Fraction(1)
    rim: int = 0


@dataclass(frozen=True, slots=True)
class Norm:
    """Group normalisation: over a whole volume, not over a tile."""

    layer: nn.GroupNorm


@dataclass(frozen=True, slots=True)
class Keep:
    """Remember the array for the next `Add`."""


@dataclass(frozen=True, slots=True)
class Add:
    """The remembered array, through ``layer``, plus this one."""

    layer: nn.Module


Operation: TypeAlias = Apply | Norm | Keep | Add


def operations(block: nn.Module) -> list[Operation]:
    """What ``block`` does, in order.

    Raises
    ------
    TypeError
        A block of another kind.
    """
    if isinstance(block, nn.GroupNorm):
        return [Norm(block)]
    if isinstance(block, AEKLResBlock):
        return [
            Keep(),
            Norm(block.norm1), Apply(nn.SiLU()), _convolution(block.conv1),
            Norm(block.norm2), Apply(nn.SiLU()), _convolution(block.conv2),
            Add(block.nin_shortcut),
        ]  # fmt: skip
    if isinstance(block, VQVAEResidualUnit):
        inner = [_convolution(block.conv1), _convolution(block.conv2)]
        return [Keep(), *inner, Add(nn.Identity()), Apply(nn.ReLU())]
    if isinstance(block, Upsample):
        return [_upsampled(layer) for layer in block.children()]
    if isinstance(block, Convolution | AEKLDownsample):
        return [_convolution(block)]
    raise TypeError(f"A {type(block).__name__} cannot be run in tiles; run the network whole.")


def sizes(row: list[Operation], channels: int) -> Iterator[tuple[int, Fraction]]:
    """Channels and cells (of one input cell, along an axis) before the first operation and after each."""
    scale = Fraction(1)
    yield channels, scale
    for operation in row:
        if isinstance(operation, Apply):
            channels, scale = operation.channels or channels, scale * operation.scale
        yield channels, scale


def reach(row: list[Operation]) -> int:
    """How many input cells beyond its own a tile must read, so that its own part is as of the whole."""
    needed = 0
    for operation in reversed(row):
        if isinstance(operation, Apply):
            needed = math.ceil(needed / operation.scale) + operation.rim
    return needed


def _upsampled(layer: nn.Module) -> Apply:
    if isinstance(layer, nn.Upsample):
        return Apply(layer, scale=Fraction(2))
    return _convolution(layer)


def _convolution(block: nn.Module) -> Apply:
    """A block around one convolution and layers that work on each cell by itself."""
    (layer,) = [m for m in block.modules() if isinstance(m, CONVOLUTIONS + TRANSPOSED)]
    numbers = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    kernel, stride, pad, apart = (int(number[0]) for number in numbers)
    if isinstance(layer, TRANSPOSED):
        # Output o comes from the inputs (o + pad - kernel + 1) / stride to (o + pad) / stride.
        before, behind = (kernel - 1 - pad) // stride, (pad - 1) // stride + 1
        return Apply(block, layer.out_channels, Fraction(stride), max(before, behind))
    behind = apart * (kernel - 1) - pad - (stride - 1)
    return Apply(block, layer.out_channels, Fraction(1, stride), max(pad, behind, 0))
