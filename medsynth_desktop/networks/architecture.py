"""Numbers that describe a network, their allowed ranges, and MONAI's networks built from them.

An architecture comes from a file of a stranger, so it is not code and names no class: it is a handful of
numbers with ranges and, for the autoencoder, one of two kinds. Whatever lies outside is refused before a byte is
allocated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from medsynth_desktop.networks.folding import FoldedAutoencoder, FoldedUNet
from medsynth_desktop.networks.quantised import QuantisedAutoencoder

MAX_CHANNELS = 1024
MAX_LEVELS = 6
MAX_RES_BLOCKS = 4
MAX_CODES = 1 << 16
MAX_CONDITIONS, MAX_CLASSES = 16, 1000


@dataclass(frozen=True, slots=True)
class AutoencoderShape:
    """A variational autoencoder: each level after the first halves every axis.

    ``fold`` voxels along each axis become channels before the first layer (see `medsynth_desktop.networks.folding`).
    ``channels`` are divisible by ``norm_groups``; ``transposed`` upsamples by a strided transposed convolution,
    which on a CPU costs a quarter of interpolating first.
    """

    spatial_dims: int = 3
    channels: tuple[int, ...] = (32, 64)
    res_blocks: tuple[int, ...] = (1, 2)
    latent_channels: int = 4
    norm_groups: int = 8
    transposed: bool = True
    fold: int = 2

    def __post_init__(self) -> None:
        _check_levels(self.spatial_dims, self.channels, self.res_blocks, self.norm_groups)
        _check_range("fold", self.fold, 1, 4)
        _check_range("latent_channels", self.latent_channels, 1, 32)

    @property
    def factor(self) -> int:
        """How many voxels one latent cell spans along each axis."""
        return self.fold * int(2 ** (len(self.channels) - 1))

    def build(self) -> FoldedAutoencoder:
        """Return MONAI's AutoencoderKL of this shape, with fresh weights and without attention."""
        return FoldedAutoencoder(
            self.fold,
            self.spatial_dims,
            num_res_blocks=self.res_blocks,
            channels=self.channels,
            attention_levels=(False,) * len(self.channels),
            latent_channels=self.latent_channels,
            norm_num_groups=self.norm_groups,
            with_encoder_nonlocal_attn=False,
            with_decoder_nonlocal_attn=False,
            use_convtranspose=self.transposed,
        )


@dataclass(frozen=True, slots=True)
class QuantisedShape:
    """A vector-quantised autoencoder: a level of stride 2 halves every axis, one of stride 1 keeps it.

    ``codes`` vectors of ``latent_channels`` numbers are its codebook; each level has ``res_layers`` residual units.
    ``fold`` voxels along each axis become channels before the first layer. The defaults are those of the 3D VQ-GAN of
    Khader et al. (factor 4, 16,384 codes of 8).
    """

    spatial_dims: int = 3
    channels: tuple[int, ...] = (16, 32, 64)
    strides: tuple[int, ...] = (1, 2, 2)
    res_layers: int = 1
    codes: int = 16_384
    latent_channels: int = 8
    fold: int = 1

    def __post_init__(self) -> None:
        _check_levels(self.spatial_dims, self.channels, (self.res_layers,) * len(self.channels), 1)
        _check_range("fold", self.fold, 1, 4)
        _check_range("codes", self.codes, 2, MAX_CODES)
        _check_range("latent_channels", self.latent_channels, 1, 32)
        if len(self.strides) != len(self.channels):
            raise ValueError(f"strides needs {len(self.channels)} entries; got {len(self.strides)}")
        for stride in self.strides:
            _check_range("strides", stride, 1, 2)

    @property
    def factor(self) -> int:
        """How many voxels one latent cell spans along each axis."""
        return self.fold * math.prod(self.strides)

    def build(self) -> QuantisedAutoencoder:
        """Return the network of this shape, with fresh weights and codes that are all zero."""
        return QuantisedAutoencoder(
            self.spatial_dims,
            fold=self.fold,
            channels=self.channels,
            strides=self.strides,
            res_layers=self.res_layers,
            codes=self.codes,
            width=self.latent_channels,
        )


AnyAutoencoderShape: TypeAlias = AutoencoderShape | QuantisedShape
Autoencoder: TypeAlias = FoldedAutoencoder | QuantisedAutoencoder
"""``encode(x)`` gives latents and their spread, ``decode(z)`` images; what lies between is each one's own."""
AUTOENCODERS: dict[str, type[AutoencoderShape] | type[QuantisedShape]] = {
    "kl": AutoencoderShape,
    "quantised": QuantisedShape,
}
"""Shapes by the ``kind`` that a bundle names; a bundle that names none means ``kl``."""


@dataclass(frozen=True, slots=True)
class UNetShape:
    """A diffusion UNet over latents; ``attention`` says for each level whether it attends.

    ``fold`` latent cells along each axis become channels before the first layer (see
    `medsynth_desktop.networks.folding`). ``conditions`` holds, for each thing that may be asked for, its number of
    classes or 0 for a number; they are given through cross-attention, as tokens of ``condition_width``.
    """

    spatial_dims: int = 3
    latent_channels: int = 4
    channels: tuple[int, ...] = (128, 192)
    res_blocks: tuple[int, ...] = (1, 1)
    attention: tuple[bool, ...] = (False, True)
    head_channels: int = 32
    norm_groups: int = 8
    fold: int = 2
    conditions: tuple[int, ...] = ()
    condition_width: int = 64

    def __post_init__(self) -> None:
        _check_levels(self.spatial_dims, self.channels, self.res_blocks, self.norm_groups)
        _check_range("fold", self.fold, 1, 4)
        _check_range("latent_channels", self.latent_channels, 1, 32)
        _check_range("the number of conditions", len(self.conditions), 0, MAX_CONDITIONS)
        for classes in self.conditions:
            _check_range("classes of a condition", classes, 0, MAX_CLASSES)
        _check_range("condition_width", self.condition_width, 1, 1024)
        _check_range("head_channels", self.head_channels, 1, 256)
        if len(self.attention) != len(self.channels):
            raise ValueError(f"attention needs {len(self.channels)} entries; got {len(self.attention)}")
        attended = [c for c, a in zip(self.channels, self.attention, strict=True) if a] + [self.channels[-1]]
        if any(c % self.head_channels for c in attended):
            raise ValueError(
                f"head_channels {self.head_channels} must divide the attended channels {attended}"
            )

    @property
    def factor(self) -> int:
        """What every latent axis must divide by."""
        return self.fold * int(2 ** (len(self.channels) - 1))

    def build(self) -> FoldedUNet:
        """Return MONAI's DiffusionModelUNet of this shape, with fresh weights."""
        return FoldedUNet(
            self.fold,
            self.spatial_dims,
            self.latent_channels,
            num_res_blocks=self.res_blocks,
            channels=self.channels,
            attention_levels=self.attention,
            norm_num_groups=self.norm_groups,
            num_head_channels=self.head_channels,
            conditions=self.conditions,
            condition_width=self.condition_width,
        )


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}; got {value!r}")


def _check_levels(dims: int, channels: tuple[int, ...], res_blocks: tuple[int, ...], groups: int) -> None:
    _check_range("spatial_dims", dims, 2, 3)
    _check_range("the number of levels", len(channels), 1, MAX_LEVELS)
    _check_range("norm_groups", groups, 1, 64)
    if len(res_blocks) != len(channels):
        raise ValueError(f"res_blocks needs {len(channels)} entries; got {len(res_blocks)}")
    for blocks in res_blocks:
        _check_range("res_blocks", blocks, 1, MAX_RES_BLOCKS)
    for width in channels:
        _check_range("channels", width, 1, MAX_CHANNELS)
        if width % groups:
            raise ValueError(f"norm_groups {groups} must divide every channel count; got {width}")
