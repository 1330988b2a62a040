"""An autoencoder that works at a fraction of the resolution, where its layers cost a fraction."""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from monai.networks.nets import AutoencoderKL

_SPACE = {2: ("(x a) (y b)", "x y", "a b"), 3: ("(x a) (y b) (z c)", "x y z", "a b c")}


class FoldedAutoencoder(AutoencoderKL):  # type: ignore[misc]
    """MONAI's AutoencoderKL over voxels folded into channels ("space to depth", Shi et al. 2016, arXiv:1609.05158).

    A 3D image (1, x, y, z) becomes (fold^3, x/fold, y/fold, z/fold) before the first layer and is unfolded after the
    last, without loss. At ``fold`` 2 the widest layers see an eighth of the positions.
    """

    def __init__(self, fold: int, spatial_dims: int, **settings: Any) -> None:
        super().__init__(
            spatial_dims, in_channels=fold**spatial_dims, out_channels=fold**spatial_dims, **settings
        )
        open_, coarse, inner = _SPACE[spatial_dims]
        self._fold_pattern = f"n 1 {open_} -> n ({inner}) {coarse}"
        self._unfold_pattern = f"n ({inner}) {coarse} -> n 1 {open_}"
        self._sizes = dict.fromkeys(inner.split(), fold)

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of the latents of ``x`` (n, 1, *space)."""
        mean, sigma = super().encode(rearrange(x, self._fold_pattern, **self._sizes))
        return mean, sigma

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Images (n, 1, *space) of latents."""
        image: torch.Tensor = rearrange(super().decode(z), self._unfold_pattern, **self._sizes)
        return image
