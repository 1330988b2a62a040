"""Networks that work at a fraction of the resolution, where their layers cost a fraction ("space to depth").

``fold`` cells along each axis become channels before the first layer and cells again after the last, without loss
(Shi et al. 2016, arXiv:1609.05158). At ``fold`` 2 in three dimensions the widest layers see an eighth of the positions,
and wide layers over few positions are what a CPU computes best.
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from monai.networks.blocks import SpatialAttentionBlock
from monai.networks.nets import AutoencoderKL, DiffusionModelUNet
from torch import nn

from medsynth_desktop.networks.conditions import MISSING, ConditionEmbedding, PlainConditions
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
    """MONAI's AutoencoderKL over voxels folded into channels.

    Images are in [-1, 1] for everybody else; with ``unit_range`` MONAI's network sees and gives them in [0, 1].
    """

    normalised = False
    """Latents have the spread that training gave them: diffusion brings them to unit variance."""

    def __init__(self, fold: int, spatial_dims: int, unit_range: bool = False, **settings: Any) -> None:
        folding = Folding(fold, spatial_dims)
        super().__init__(spatial_dims, in_channels=folding.cells, out_channels=folding.cells, **settings)
        self.folding = folding
        self.unit_range = unit_range

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of the latents of ``x`` (n, 1, *space)."""
        mean, sigma = super().encode(self._seen(x))
        return mean, sigma

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Images (n, 1, *space) of latents."""
        return self._shown(super().decode(z))

    def _seen(self, x: torch.Tensor) -> torch.Tensor:
        return self.folding.fold((x + 1) / 2 if self.unit_range else x)

    def _shown(self, made: torch.Tensor) -> torch.Tensor:
        images = self.folding.unfold(made)
        return 2 * images - 1 if self.unit_range else images

    @property
    def attends(self) -> bool:
        """Whether a cell depends on all others, so that no tile can be made by itself."""
        return any(isinstance(block, SpatialAttentionBlock) for block in self.modules())

    @property
    def ways(self) -> tuple[list[nn.Module], list[nn.Module]]:
        """Blocks that encode (to the mean) and blocks that decode."""
        return [*self.encoder.blocks, self.quant_conv_mu], [self.post_quant_conv, *self.decoder.blocks]

    def encode_in_tiles(self, x: torch.Tensor, budget: Budget) -> torch.Tensor:
        """`encode`'s mean within a budget of memory."""
        return run_in_tiles(self.ways[0], self._seen(x), budget)

    def decode_in_tiles(self, z: torch.Tensor, budget: Budget) -> torch.Tensor:
        """`decode` within a budget of memory."""
        return self._shown(run_in_tiles(self.ways[1], z, budget))


class FoldedUNet(DiffusionModelUNet):  # type: ignore[misc]
    """MONAI's DiffusionModelUNet over latent cells folded into channels, the patches of a vision transformer.

    ``conditions`` holds the number of classes of each condition (0: a number), ``condition_width`` of their tokens.
    Where ``unasked`` is not empty the conditions are given as they are (`PlainConditions`), with ``concatenated`` as
    channels of every cell too.
    """

    def __init__(
        self,
        fold: int,
        spatial_dims: int,
        latent_channels: int,
        conditions: tuple[int, ...] = (),
        condition_width: int = 64,
        unasked: tuple[float, ...] = (),
        concatenated: bool = False,
        **settings: Any,
    ) -> None:
        folding = Folding(fold, spatial_dims)
        width = latent_channels * folding.cells
        if conditions:
            token = len(unasked) or condition_width
            settings |= {"with_conditioning": True, "cross_attention_dim": token}
        more = len(unasked) if concatenated else 0
        super().__init__(spatial_dims, in_channels=width + more, out_channels=width, **settings)
        self.folding = folding
        self.concatenated = concatenated
        self.embedding: ConditionEmbedding | PlainConditions | None = None
        if conditions:
            self.embedding = (
                PlainConditions(unasked) if unasked else ConditionEmbedding(conditions, condition_width)
            )

    def forward(
        self, x: torch.Tensor, timesteps: torch.Tensor, given: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Predict for latents ``x`` (n, latent_channels, *space) at ``timesteps`` (n,).

        ``given`` (n, conditions) is what is asked for, as `ConditionEmbedding` takes it; None asks for nothing.
        """
        context, cells = None, self.folding.fold(x)
        if self.embedding is not None:
            if given is None:
                given = torch.full((len(x), len(self.embedding.classes)), MISSING, device=x.device)
            context = self.embedding(given)
            if self.concatenated:
                planes = context[:, 0].reshape(*given.shape, *[1] * (cells.ndim - 2))
                cells = torch.cat([cells, planes.expand(-1, -1, *cells.shape[2:])], 1)
        return self.folding.unfold(super().forward(cells, timesteps, context))
