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


class Folding:
    """Cells into channels and back, for (n, channels, *space) of 2 or 3 dimensions."""

    def __init__(self, fold: int, spatial_dims: int) -> None:
        fine, coarse, inner = {2: ("(x a) (y b)", "x y", "a b"), 3: ("(x a) (y b) (z c)", "x y z", "a b c")}[
            spatial_dims
        ]
        self._fold = f"n k {fine} -> n (k {inner}) {coarse}"
        self._unfold = f"n (k {inner}) {coarse} -> n k {fine}"
        self._sizes = dict.fromkeys(inner.split(), fold)
        self.cells = fold**spatial_dims

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


class FoldedUNet(DiffusionModelUNet):  # type: ignore[misc]
    """MONAI's DiffusionModelUNet over latent cells folded into channels, the patches of a vision transformer."""

    def __init__(self, fold: int, spatial_dims: int, latent_channels: int, **settings: Any) -> None:
        folding = Folding(fold, spatial_dims)
        width = latent_channels * folding.cells
        super().__init__(spatial_dims, in_channels=width, out_channels=width, **settings)
        self.folding = folding

    def forward(
        self, x: torch.Tensor, timesteps: torch.Tensor, context: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Predict for latents ``x`` (n, latent_channels, *space) at ``timesteps`` (n,)."""
        return self.folding.unfold(super().forward(self.folding.fold(x), timesteps, context))
