"""Networks that recognise a patient: an encoder whose embeddings are near for one patient, and a head for pairs.

The retrieval and the verification network of Packhaeuser et al. (Deep learning-based patient re-identification is able
to exploit the biometric nature of medical chest X-ray data, Scientific Reports 2022), at a size that learns on two
processor cores: a short residual encoder in place of a ResNet-50, in two and three dimensions. The head sees a pair by
what stays when both are exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

MAX_CHANNELS, MAX_LEVELS, MAX_FEATURES = 1024, 6, 4096
STEADY = 1e-3
"""Added to an image's standard deviation: an image without contrast stays one."""


@dataclass(frozen=True, slots=True)
class IdentityShape:
    """Numbers that make an `IdentityNetwork`.

    Every level of ``channels`` halves each axis; ``pooled`` cells along each axis of the last one are kept apart, so
    that an embedding of ``features`` numbers knows roughly where something lies. ``head`` is the width of the pair's
    layer.
    """

    spatial_dims: int = 2
    channels: tuple[int, ...] = (16, 32, 64, 128)
    features: int = 128
    pooled: int = 4
    norm_groups: int = 8
    head: int = 64

    def __post_init__(self) -> None:
        _check("spatial_dims", self.spatial_dims, 2, 3)
        _check("the number of levels", len(self.channels), 1, MAX_LEVELS)
        _check("features", self.features, 2, MAX_FEATURES)
        _check("pooled", self.pooled, 1, 8)
        _check("norm_groups", self.norm_groups, 1, 64)
        _check("head", self.head, 1, MAX_CHANNELS)
        for width in self.channels:
            _check("channels", width, 1, MAX_CHANNELS)
            if width % self.norm_groups:
                raise ValueError(
                    f"norm_groups {self.norm_groups} must divide every channel count; got {width}"
                )

    def build(self) -> IdentityNetwork:
        """Return the network with fresh weights."""
        return IdentityNetwork(self)


class IdentityNetwork(torch.nn.Module):
    """Encoder and head; ``forward`` embeds, `same` compares embeddings."""

    platt: torch.Tensor
    middle: torch.Tensor
    extent: torch.Tensor

    def __init__(self, shape: IdentityShape) -> None:
        super().__init__()
        conv = torch.nn.Conv2d if shape.spatial_dims == 2 else torch.nn.Conv3d
        self.shape = shape
        first, *others = shape.channels
        self.edges = conv(1, first, 5, stride=2, padding=2, bias=False)
        self.levels = torch.nn.ModuleList([_Level(conv, first, first, 1, shape.norm_groups)])
        for before, after in zip(shape.channels, others, strict=False):
            self.levels.append(_Level(conv, before, after, 2, shape.norm_groups))
        self.embedding = torch.nn.Linear(
            shape.channels[-1] * shape.pooled**shape.spatial_dims, shape.features
        )
        self.register_buffer("middle", torch.zeros(shape.features))
        self.register_buffer("extent", torch.ones(shape.features))
        self.pair = torch.nn.Sequential(
            torch.nn.Linear(2 * shape.features, shape.head), torch.nn.SiLU(), torch.nn.Linear(shape.head, 1)
        )
        self.register_buffer("platt", torch.tensor([1.0, 0.0]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Embeddings (n, features) of unit norm of images (n, 1, *space).

        Brightness and contrast of the whole image are taken out first, and the first layer's sign after it: an image
        and its negative have one embedding. What all images have in common is taken from embeddings before their norm.
        """
        axes = tuple(range(1, images.ndim))
        centred = images - images.mean(axes, keepdim=True)
        seen = self.edges(centred / (centred.square().mean(axes, keepdim=True).sqrt() + STEADY)).abs()
        for level in self.levels:
            seen = level(seen)
        pool = (
            functional.adaptive_avg_pool2d if self.shape.spatial_dims == 2 else functional.adaptive_avg_pool3d
        )
        rows = self.embedding(pool(seen, self.shape.pooled).flatten(1))
        rows = functional.batch_norm(rows, self.middle, self.extent, training=self.training)
        return functional.normalize(rows, dim=1)

    def same(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Log-odds (n,) that two embeddings (n, features) show one patient, as likely as not before they were seen."""
        scale = self.shape.features**0.5
        pair = torch.cat([(one - other).abs() * scale, one * other * scale**2], dim=1)
        odds: torch.Tensor = self.platt[0] * self.pair(pair)[:, 0] + self.platt[1]
        return odds


class _Level(torch.nn.Module):
    """Two convolutions around which the input is led past (pre-activation would lose the edges' size)."""

    def __init__(
        self,
        conv: type[torch.nn.Conv2d] | type[torch.nn.Conv3d],
        before: int,
        after: int,
        stride: int,
        groups: int,
    ) -> None:
        super().__init__()
        self.one = conv(before, after, 3, stride=stride, padding=1, bias=False)
        self.one_norm = torch.nn.GroupNorm(groups, after)
        self.two = conv(after, after, 3, padding=1, bias=False)
        self.two_norm = torch.nn.GroupNorm(groups, after)
        self.past = conv(before, after, 1, stride=stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.silu(self.one_norm(self.one(x)))
        result: torch.Tensor = functional.silu(self.two_norm(self.two(inner)) + self.past(x))
        return result


def _check(name: str, value: int, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}; got {value!r}")
