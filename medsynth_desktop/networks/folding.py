"""Networks that work at a fraction of the resolution, where their layers cost a fraction ("space to depth").

``fold`` cells along each axis become channels before the first layer and cells again after the last, without loss
(Shi et al. 2016, arXiv:1609.05158). At ``fold`` 2 in three dimensions the widest layers see an eighth of the positions,
and wide layers over few positions are what a CPU computes best.
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from monai.networks.nets import AutoencoderKL, DiffusionModelUNet
from torch import nn

from medsynth_desktop.networks.conditions import MISSING, ConditionEmbedding
from medsynth_desktop.networks.tiling import Budget, run_in_tiles


class Folding:
    """Cells into channels and back, for (n, channels, *space) of 2 or 3 dimensions."""

    def __init__(self, fold: int, spatial_dims: int) -> None:
        fine, coarse, inner = {2: ("(x a) (y b)", "x y", "a b"), 3: ("(x a) (y b) (z c)", "x y z", "a b c")}[
            spatial_dims
        ]
        self._fold = f"n k {fine} -> n (k {inner}) {coarse}"
        self._unfold = f"n (k {inner}) {coarse} -> n k {fine}"
        self._sizes = dict.fromkeys(inner.split(), fold)
        self.cells, self.size = fold**spatial_dims, fold

    def fold(self, x: torch.Tensor) -> torch.Tensor:
        """(n, k, *space) as (n, k fold^dims, *space / fold)."""
        return rearrange(x, self._fold, **self._sizes)

    def unfold(self, x: torch.Tensor) -> torch.Tensor:
        """The inverse of `fold`."""
        return rearrange(x, self._unfold, **self._sizes)


class FoldedAutoencoder(AutoencoderKL):  # type: ignore[misc]
    """MONAI's AutoencoderKL over voxels folded into channels."""

    normalised = False
    """Latents have the spread that training gave them: diffusion brings them to unit variance."""

    def __init__(self, fold: int, spatial_dims: int, **settings: Any) -> None:
        folding = Folding(fold, spatial_dims)
        super().__init__(spatial_dims, in_channels=folding.cells, out_channels=folding.cells, **settings)
        self.folding = folding

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of the latents of ``x`` (n, 1, *space)."""
        mean, sigma = super().encode(self.folding.fold(x))
        return mean, sigma

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Images (n, 1, *space) of latents."""
        return self.folding.unfold(super().decode(z))

    @property
    def ways(self) -> tuple[list[nn.Module], list[nn.Module]]:
        """Blocks that encode (to the mean) and blocks that decode."""
        return [*self.encoder.blocks, self.quant_conv_mu], [self.post_quant_conv, *self.decoder.blocks]

    def encode_in_tiles(self, x: torch.Tensor, budget: Budget) -> torch.Tensor:
        """`encode`'s mean within a budget of memory."""
        return run_in_tiles(self.ways[0], self.folding.fold(x), budget)

    def decode_in_tiles(self, z: torch.Tensor, budget: Budget) -> torch.Tensor:
        """`decode` within a budget of memory."""
        return self.folding.unfold(run_in_tiles(self.ways[1], z, budget))


class FoldedUNet(DiffusionModelUNet):  # type: ignore[misc]
    """MONAI's DiffusionModelUNet over latent cells folded into channels, the patches of a vision transformer.

    ``conditions`` holds the number of classes of each condition (0: a number), ``condition_width`` of their tokens.
    """

    def __init__(
        self,
        fold: int,
        spatial_dims: int,
        latent_channels: int,
        conditions: tuple[int, ...] = (),
        condition_width: int = 64,
        **settings: Any,
    ) -> None:
        folding = Folding(fold, spatial_dims)
        width = latent_channels * folding.cells
        if conditions:
            settings |= {"with_conditioning": True, "cross_attention_dim": condition_width}
        super().__init__(spatial_dims, in_channels=width, out_channels=width, **settings)
        self.folding = folding
        self.embedding = ConditionEmbedding(conditions, condition_width) if conditions else None

    def forward(
        self, x: torch.Tensor, timesteps: torch.Tensor, given: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Predict for latents ``x`` (n, latent_channels, *space) at ``timesteps`` (n,).

        ``given`` (n, conditions) is what is asked for, as `ConditionEmbedding` takes it; None asks for nothing.
        """
        context = None
        if self.embedding is not None:
            if given is None:
                given = torch.full((len(x), len(self.embedding.classes)), MISSING, device=x.device)
            context = self.embedding(given)
        return self.folding.unfold(super().forward(self.folding.fold(x), timesteps, context))
