"""The UNet of Medical Diffusion (Khader et al. 2023, arXiv:2211.03364): in the plane first, then along the depth.

Convolutions see 3 x 3 x 1 cells of the high-resolution plane (x, y); attention runs within each plane (the depth as
batch), then along the depth (the plane as batch). Only the plane is halved from level to level. So anisotropic volumes
of many fine planes cost a fraction of full 3D convolutions and attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from einops import rearrange
from monai.networks.nets.diffusion_model_unet import get_timestep_embedding
from torch import nn

from medsynth_desktop.networks.conditions import MISSING, ConditionEmbedding
from medsynth_desktop.networks.convolutions import by_onednn
from medsynth_desktop.networks.ranges import check_conditions, check_flags, check_levels, check_range

LONGEST_DEPTH = 128
"""Cells along the depth that the learnt relative positions tell apart; farther ones are as far."""


class PlaneBlock(nn.Module):
    """Two 3 x 3 x 1 convolutions and the time, around a shortcut."""

    def __init__(self, inside: int, outside: int, time: int, groups: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(groups, inside), nn.SiLU(), _plane(inside, outside))
        self.time = nn.Linear(time, 2 * outside)
        self.norm = nn.GroupNorm(groups, outside)
        self.second = nn.Sequential(nn.SiLU(), _plane(outside, outside, zero=True))
        self.shortcut = nn.Identity() if inside == outside else nn.Conv3d(inside, outside, 1)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """(n, inside, x, y, z) to (n, outside, x, y, z)."""
        scale, shift = self.time(time)[:, :, None, None, None].chunk(2, 1)
        inner = self.norm(self.first(x)) * (1 + scale) + shift
        return torch.as_tensor(self.shortcut(x) + self.second(inner))


class Attention(nn.Module):
    """Attention over (n, tokens, width), to itself or to others' tokens, with relative positions where asked for."""

    def __init__(self, width: int, head: int, positions: bool = False, other: int | None = None) -> None:
        super().__init__()
        self.heads = width // head
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(other or width, 2 * width, bias=False)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.nearness = nn.Parameter(torch.zeros(self.heads, 2 * LONGEST_DEPTH - 1)) if positions else None

    def forward(self, x: torch.Tensor, others: torch.Tensor | None = None) -> torch.Tensor:
        """``x`` and what it attends to, added."""
        inner = self.norm(x)
        source = inner if others is None else others
        key, value = self.key_value(source).chunk(2, -1)
        query, key, value = (
            rearrange(part, "n t (h c) -> n h t c", h=self.heads) for part in (self.query(inner), key, value)
        )
        found = nn.functional.scaled_dot_product_attention(query, key, value, self._bias(x))
        return torch.as_tensor(x + self.out(rearrange(found, "n h t c -> n t (h c)")))

    def _bias(self, x: torch.Tensor) -> torch.Tensor | None:
        """(1, heads, tokens, tokens): how near two depths are, learnt for each head."""
        if self.nearness is None:
            return None
        at = torch.arange(x.shape[1], device=x.device)
        apart = (at[:, None] - at[None]).clamp(1 - LONGEST_DEPTH, LONGEST_DEPTH - 1) + LONGEST_DEPTH - 1
        return self.nearness[:, apart][None].to(x.dtype)


class PlaneThenDepth(nn.Module):
    """Attention in each plane, to what is asked for, and along the depth."""

    def __init__(self, width: int, head: int, condition_width: int | None) -> None:
        super().__init__()
        self.plane = Attention(width, head)
        self.asked = Attention(width, head, other=condition_width) if condition_width else None
        self.depth = Attention(width, head, positions=True)

    def forward(self, x: torch.Tensor, tokens: torch.Tensor | None) -> torch.Tensor:
        """(n, width, x, y, z) to the same."""
        _, _, a, b, c = x.shape
        flat = self.plane(rearrange(x, "n w a b c -> (n c) (a b) w"))
        if self.asked is not None and tokens is not None:
            flat = self.asked(flat, tokens.repeat_interleave(c, 0))
        deep = self.depth(rearrange(flat, "(n c) (a b) w -> (n a b) c w", c=c, a=a))
        return torch.as_tensor(rearrange(deep, "(n a b) c w -> n w a b c", a=a, b=b))


class Level(nn.Module):
    """Blocks of one resolution by their widths (inside, outside), each followed by attention where the level has it."""

    def __init__(
        self,
        widths: Sequence[tuple[int, int]],
        time: int,
        groups: int,
        head: int,
        tokens: int | None,
        attends: bool,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(PlaneBlock(a, b, time, groups) for a, b in widths)
        self.attention = nn.ModuleList(
            PlaneThenDepth(b, head, tokens) if attends else nn.Identity() for _, b in widths
        )

    def steps(
        self, x: torch.Tensor, index: int, time: torch.Tensor, tokens: torch.Tensor | None
    ) -> torch.Tensor:
        """Block and attention ``index``."""
        x = self.blocks[index](x, time)
        attention = self.attention[index]
        return torch.as_tensor(attention(x, tokens) if isinstance(attention, PlaneThenDepth) else x)


class FactorisedUNet(nn.Module):
    """Predicts for latents (n, latent_channels, x, y, z); sizes as in `FactorisedShape`."""

    def __init__(
        self,
        latent_channels: int,
        channels: Sequence[int],
        res_blocks: Sequence[int],
        attention: Sequence[bool],
        head_channels: int,
        norm_groups: int,
        conditions: tuple[int, ...] = (),
        condition_width: int = 64,
    ) -> None:
        super().__init__()
        time, tokens = 4 * channels[0], condition_width if conditions else None
        self.width = channels[0]
        self.embedding: ConditionEmbedding | None = None
        if conditions:
            self.embedding = ConditionEmbedding(conditions, condition_width)
        self.time = nn.Sequential(nn.Linear(channels[0], time), nn.SiLU(), nn.Linear(time, time))
        self.enter = _plane(latent_channels, channels[0])
        kept, at = [channels[0]], channels[0]
        self.down, self.shrink, self.up, self.grow = (nn.ModuleList() for _ in range(4))
        for index, (width, blocks) in enumerate(zip(channels, res_blocks, strict=True)):
            widths = [(at if i == 0 else width, width) for i in range(blocks)]
            self.down.append(Level(widths, time, norm_groups, head_channels, tokens, attention[index]))
            kept += [width] * blocks
            at = width
            if index < len(channels) - 1:
                self.shrink.append(nn.Conv3d(width, width, (3, 3, 1), (2, 2, 1), (1, 1, 0)))
                kept.append(width)
        self.middle: Level = Level([(at, at), (at, at)], time, norm_groups, head_channels, tokens, True)
        for index in reversed(range(len(channels))):
            widths = []
            for _ in range(res_blocks[index] + 1):
                widths.append((at + kept.pop(), channels[index]))
                at = channels[index]
            self.up.append(Level(widths, time, norm_groups, head_channels, tokens, attention[index]))
            if index:
                self.grow.append(_plane(at, at))
        self.out = nn.Sequential(
            nn.GroupNorm(norm_groups, at), nn.SiLU(), _plane(at, latent_channels, zero=True)
        )

    def forward(
        self, x: torch.Tensor, timesteps: torch.Tensor, given: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Predict for ``x`` at ``timesteps`` (n,); ``given`` (n, conditions) as `ConditionEmbedding` takes it."""
        tokens = None
        if self.embedding is not None:
            nothing = torch.full((len(x), len(self.embedding.classes)), MISSING, device=x.device)
            tokens = self.embedding(nothing if given is None else given)
        time = self.time(get_timestep_embedding(timesteps, self.width).to(x.dtype))
        x = self.enter(x)
        kept = [x]
        for index, level in enumerate(cast(list[Level], self.down)):
            for block in range(len(level.blocks)):
                x = level.steps(x, block, time, tokens)
                kept.append(x)
            if index < len(self.shrink):
                x = self.shrink[index](x)
                kept.append(x)
        for block in range(2):
            x = self.middle.steps(x, block, time, tokens)
        for index, level in enumerate(cast(list[Level], self.up)):
            for block in range(len(level.blocks)):
                x = level.steps(torch.cat([x, kept.pop()], 1), block, time, tokens)
            if index < len(self.grow):
                x = self.grow[index](
                    nn.functional.interpolate(x, scale_factor=(2.0, 2.0, 1.0), mode="nearest")
                )
        return torch.as_tensor(self.out(x))


@dataclass(frozen=True, slots=True)
class FactorisedShape:
    """A diffusion UNet over volumes' latents that works in the plane first, then along the depth, the last axis.

    As `UNetShape`, whose numbers of the same names mean the same. The defaults are the widths of Khader et al. for
    latents of eight channels.
    """

    spatial_dims: int = 3
    latent_channels: int = 8
    channels: tuple[int, ...] = (64, 128, 256, 512)
    res_blocks: tuple[int, ...] = (2, 2, 2, 2)
    attention: tuple[bool, ...] = (True, True, True, True)
    head_channels: int = 32
    norm_groups: int = 8
    conditions: tuple[int, ...] = ()
    condition_width: int = 64

    def __post_init__(self) -> None:
        check_range("spatial_dims", self.spatial_dims, 3, 3)
        check_levels(self.spatial_dims, self.channels, self.res_blocks, self.norm_groups)
        check_range("latent_channels", self.latent_channels, 1, 32)
        check_conditions(self.conditions, self.condition_width)
        check_range("head_channels", self.head_channels, 1, 256)
        check_flags("attention", self.attention)
        if len(self.attention) != len(self.channels):
            raise ValueError(f"attention needs {len(self.channels)} entries; got {len(self.attention)}")
        if any(width % self.head_channels for width in self.channels):
            raise ValueError(f"head_channels {self.head_channels} must divide the channels {self.channels}")

    @property
    def factor(self) -> int:
        """What every latent axis must divide by; the depth need not, but one number is simpler to tell."""
        return int(2 ** (len(self.channels) - 1))

    @property
    def unasked(self) -> tuple[float, ...]:
        """Empty: conditions are always embedded, so what is not asked for needs no number (see `UNetShape`)."""
        return ()

    def build(self) -> FactorisedUNet:
        """Return the network of this shape, with fresh weights."""
        return by_onednn(
            FactorisedUNet(
                self.latent_channels,
                self.channels,
                self.res_blocks,
                self.attention,
                self.head_channels,
                self.norm_groups,
                self.conditions,
                self.condition_width,
            )
        )


def _plane(inside: int, outside: int, zero: bool = False) -> nn.Conv3d:
    layer = nn.Conv3d(inside, outside, (3, 3, 1), padding=(1, 1, 0))
    if zero:  # a block that begins as nothing lets deep networks learn from the first step
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)
    return layer
