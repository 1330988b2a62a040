"""Autoencoders whose latents are codes of a codebook: MONAI's VQ-VAE around our `Codebook`.

What is diffused is the encoder's output before it is quantised, normalised to [-1, 1] by the codes' range; a drawn
latent is restored, quantised and decoded (Khader et al. 2023, arXiv:2211.03364).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.vqvae import Decoder, Encoder

from medsynth_desktop.networks.codebook import Codebook
from medsynth_desktop.networks.folding import Folding
from medsynth_desktop.networks.tiling import Budget, run_in_tiles

DOWN = {1: (1, 3, 1, 1), 2: (2, 4, 1, 1)}
"""Stride, kernel, dilation and padding of a level that keeps or halves every axis."""
UP = {stride: (*numbers, 0) for stride, numbers in DOWN.items()}


class QuantisedAutoencoder(torch.nn.Module):
    """Encoder, codebook and decoder of the numbers of a `QuantisedShape`; voxels may be folded into channels."""

    attends = False
    normalised = True
    """Latents come in [-1, 1] already: diffusion scales them no further."""

    def __init__(
        self,
        spatial_dims: int,
        *,
        fold: int,
        channels: Sequence[int],
        strides: Sequence[int],
        res_layers: int,
        codes: int,
        width: int,
    ) -> None:
        super().__init__()
        self.folding = Folding(fold, spatial_dims)
        self.encoder = Encoder(
            spatial_dims, self.folding.cells, width, channels, res_layers, channels,
            [DOWN[s] for s in strides], 0.0, "RELU",
        )  # fmt: skip
        self.decoder = Decoder(
            spatial_dims, width, self.folding.cells, channels, res_layers, channels,
            [UP[s] for s in reversed(strides)], 0.0, "RELU", None,
        )  # fmt: skip
        self.codebook = Codebook(codes, width)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The encoder's output (n, width, *space) of images (n, 1, *space), neither quantised nor normalised."""
        out: torch.Tensor = self.encoder(self.folding.fold(x))
        return out

    def picture(self, codes: torch.Tensor) -> torch.Tensor:
        """Images (n, 1, *space) of codes (n, width, *space) that are quantised already."""
        return self.folding.unfold(self.decoder(codes))

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised unquantised latents of images (n, 1, *space), and their spread, which is nothing."""
        latents = self.codebook.normalise(self.features(x))
        return latents, torch.zeros_like(latents)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Images (n, 1, *space) of normalised latents: restored, quantised, decoded."""
        return self.picture(self.codebook.quantise(self.codebook.restore(z))[0])

    @property
    def ways(self) -> tuple[list[torch.nn.Module], list[torch.nn.Module]]:
        """Blocks that encode and blocks that decode."""
        return list(self.encoder.blocks), list(self.decoder.blocks)

    def encode_in_tiles(self, x: torch.Tensor, budget: Budget) -> torch.Tensor:
        """`encode`'s latents within a budget of memory."""
        return self.codebook.normalise(run_in_tiles(self.ways[0], self.folding.fold(x), budget))

    def decode_in_tiles(self, z: torch.Tensor, budget: Budget) -> torch.Tensor:
        """`decode` within a budget of memory."""
        codes = self.codebook.quantise(self.codebook.restore(z))[0]
        return self.folding.unfold(run_in_tiles(self.ways[1], codes, budget))
