"""Numbers that describe a network, their allowed ranges, and MONAI's networks built from them.

An architecture comes from a file of a stranger, so it is not code and names no class: it is a handful of
numbers with ranges and one of two kinds of autoencoder and of UNet. Whatever lies outside is refused before a byte is
allocated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from medsynth_desktop.networks.convolutions import by_onednn
from medsynth_desktop.networks.factorised import FactorisedShape, FactorisedUNet
from medsynth_desktop.networks.folding import FoldedAutoencoder, FoldedUNet
from medsynth_desktop.networks.quantised import QuantisedAutoencoder
from medsynth_desktop.networks.ranges import (
    MAX_CHANNELS,
    MAX_CODES,
    MAX_RES_BLOCKS,
    check_conditions,
    check_flags,
    check_levels,
    check_range,
)


@dataclass(frozen=True, slots=True)
class AutoencoderShape:
    """A variational autoencoder: each level after the first halves every axis.

    ``fold`` voxels along each axis become channels before the first layer (see `medsynth_desktop.networks.folding`).
    ``channels`` are divisible by ``norm_groups``; ``transposed`` upsamples by a strided transposed convolution,
    which on a CPU costs a quarter of interpolating first. The last five are for models from elsewhere: whether each
    level attends (none: no level does), and the middle of encoder and decoder; whether a linear layer follows each
    attention; and whether the network's images are in [0, 1] in place of [-1, 1].
    """

    spatial_dims: int = 3
    channels: tuple[int, ...] = (32, 64)
    res_blocks: tuple[int, ...] = (1, 2)
    latent_channels: int = 4
    norm_groups: int = 8
    transposed: bool = True
    fold: int = 2
    attention: tuple[bool, ...] = ()
    encoder_attention: bool = False
    decoder_attention: bool = False
    projected: bool = True
    unit_range: bool = False

    def __post_init__(self) -> None:
        check_levels(self.spatial_dims, self.channels, self.res_blocks, self.norm_groups)
        check_range("fold", self.fold, 1, 4)
        check_range("latent_channels", self.latent_channels, 1, 32)
        check_flags("attention", self.attention)
        check_flags(
            "encoder_attention, decoder_attention, projected and unit_range",
            (self.encoder_attention, self.decoder_attention, self.projected, self.unit_range),
        )
        if self.attention and len(self.attention) != len(self.channels):
            raise ValueError(
                f"attention needs {len(self.channels)} entries or none; got {len(self.attention)}"
            )

    @property
    def factor(self) -> int:
        """How many voxels one latent cell spans along each axis."""
        return self.fold * int(2 ** (len(self.channels) - 1))

    def build(self) -> FoldedAutoencoder:
        """Return MONAI's AutoencoderKL of this shape, with fresh weights."""
        return by_onednn(
            FoldedAutoencoder(
                self.fold,
                self.spatial_dims,
                unit_range=self.unit_range,
                num_res_blocks=self.res_blocks,
                channels=self.channels,
                attention_levels=self.attention or (False,) * len(self.channels),
                latent_channels=self.latent_channels,
                norm_num_groups=self.norm_groups,
                with_encoder_nonlocal_attn=self.encoder_attention,
                with_decoder_nonlocal_attn=self.decoder_attention,
                use_convtranspose=self.transposed,
                include_fc=self.projected,
            )
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
        check_levels(self.spatial_dims, self.channels, (self.res_layers,) * len(self.channels), 1)
        check_range("fold", self.fold, 1, 4)
        check_range("codes", self.codes, 2, MAX_CODES)
        check_range("latent_channels", self.latent_channels, 1, 32)
        if len(self.strides) != len(self.channels):
            raise ValueError(f"strides needs {len(self.channels)} entries; got {len(self.strides)}")
        for stride in self.strides:
            check_range("strides", stride, 1, 2)

    @property
    def factor(self) -> int:
        """How many voxels one latent cell spans along each axis."""
        return self.fold * math.prod(self.strides)

    def build(self) -> QuantisedAutoencoder:
        """Return the network of this shape, with fresh weights and codes that are all zero."""
        return by_onednn(
            QuantisedAutoencoder(
                self.spatial_dims,
                fold=self.fold,
                channels=self.channels,
                strides=self.strides,
                res_layers=self.res_layers,
                codes=self.codes,
                width=self.latent_channels,
            )
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

    The last six are for models from elsewhere: ``level_heads`` in place of ``head_channels``, level by level (that of a
    level that does not attend is not looked at); ``residual_resampling`` changes the resolution in residual blocks;
    ``projected`` says whether a linear layer follows each attention; ``transformer_layers`` how deep each
    cross-attention is. Where ``unasked`` is not empty, conditions are numbers from 0 to 1 that the network sees as they
    are, all in one token, and ``unasked`` stands for those that are not asked for; ``concatenated`` appends them to
    every latent cell too.
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
    level_heads: tuple[int, ...] = ()
    residual_resampling: bool = False
    projected: bool = True
    transformer_layers: int = 1
    unasked: tuple[float, ...] = ()
    concatenated: bool = False

    def __post_init__(self) -> None:
        check_levels(self.spatial_dims, self.channels, self.res_blocks, self.norm_groups)
        check_range("fold", self.fold, 1, 4)
        check_range("latent_channels", self.latent_channels, 1, 32)
        check_conditions(self.conditions, self.condition_width)
        check_range("head_channels", self.head_channels, 1, 256)
        if len(self.attention) != len(self.channels):
            raise ValueError(f"attention needs {len(self.channels)} entries; got {len(self.attention)}")
        self._check_heads()
        self._check_foreign()

    def _check_heads(self) -> None:
        heads = self.level_heads or (self.head_channels,) * len(self.channels)
        if len(heads) != len(self.channels):
            raise ValueError(f"level_heads needs {len(self.channels)} entries or none; got {len(heads)}")
        levels = zip(self.channels, heads, self.attention, strict=True)
        # The middle attends too, with the numbers of the last level.
        attended = [(c, h) for c, h, a in levels if a] + [(self.channels[-1], heads[-1])]
        for width, head in attended:
            check_range("head_channels", head, 1, MAX_CHANNELS)
            if width % head:
                raise ValueError(
                    f"head_channels {head} must divide the attended channels {[c for c, _ in attended]}"
                )

    def _check_foreign(self) -> None:
        check_flags("attention", self.attention)
        check_flags(
            "residual_resampling, projected and concatenated",
            (self.residual_resampling, self.projected, self.concatenated),
        )
        check_range("transformer_layers", self.transformer_layers, 1, MAX_RES_BLOCKS)
        if not all(isinstance(u, int | float) and 0 <= u <= 1 for u in self.unasked):
            raise ValueError(f"unasked must be numbers from 0 to 1; got {self.unasked}")
        if self.unasked and self.conditions != (0,) * len(self.unasked):
            raise ValueError("unasked needs an entry for each condition, and conditions that are numbers")
        if self.concatenated and not self.unasked:
            raise ValueError("concatenated needs conditions that the network sees as they are")

    @property
    def factor(self) -> int:
        """What every latent axis must divide by."""
        return self.fold * int(2 ** (len(self.channels) - 1))

    def build(self) -> FoldedUNet:
        """Return MONAI's DiffusionModelUNet of this shape, with fresh weights."""
        return by_onednn(
            FoldedUNet(
                self.fold,
                self.spatial_dims,
                self.latent_channels,
                num_res_blocks=self.res_blocks,
                channels=self.channels,
                attention_levels=self.attention,
                norm_num_groups=self.norm_groups,
                num_head_channels=self.level_heads or self.head_channels,
                conditions=self.conditions,
                condition_width=self.condition_width,
                unasked=self.unasked,
                concatenated=self.concatenated,
                resblock_updown=self.residual_resampling,
                include_fc=self.projected,
                transformer_num_layers=self.transformer_layers,
            )
        )


AnyUNetShape: TypeAlias = UNetShape | FactorisedShape
DiffusionNetwork: TypeAlias = FoldedUNet | FactorisedUNet
"""``network(x, timesteps, given)`` predicts for latents; ``given`` may be left out."""
UNETS: dict[str, type[UNetShape] | type[FactorisedShape]] = {"unet": UNetShape, "factorised": FactorisedShape}
"""Shapes by the ``kind`` that a bundle names; a bundle that names none means ``unet``."""
