"""A model in memory, ready to sample from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch

from medsynth_desktop.bundles.asking import given_row
from medsynth_desktop.bundles.schedule import Denoiser, Network, Schedule
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import BundleRecord
from medsynth_desktop.networks.architecture import (
    AnyAutoencoderShape,
    AnyUNetShape,
    Autoencoder,
    DiffusionNetwork,
)
from medsynth_desktop.networks.bounded import decode, encode
from medsynth_desktop.networks.conditions import MISSING
from medsynth_desktop.networks.precision import computing_in

SLAB = 2
"""Latent cells on each side of the middle that a preview decodes: what the decoder's convolutions see of it."""


@dataclass(eq=False)
class Bundle:
    """Networks in eval mode with what is known of them.

    ``latent_scale`` brings latents to unit variance: the diffusion works on ``latent * latent_scale``. It is 1 where
    the autoencoder normalises its latents by its codebook. ``preview_seconds`` is how long the last preview took.
    """

    record: BundleRecord
    autoencoder: Autoencoder
    unet: DiffusionNetwork
    autoencoder_shape: AnyAutoencoderShape
    unet_shape: AnyUNetShape
    schedule: Schedule
    latent_scale: float
    device: str = "cpu"
    preview_seconds: float = 0.0

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """(channels, *space) of the noise that sampling starts from."""
        factor = self.autoencoder_shape.factor
        return (self.autoencoder_shape.latent_channels, *(n // factor for n in self.record.recipe.grid))

    def denoiser(
        self,
        asked: Mapping[str, float | str] | None = None,
        guidance: float = 1.0,
        precision: str = "32",
    ) -> Denoiser:
        """Return ``denoiser(x, sigma)`` over scaled latents, of the conditions ``asked``.

        Only the network computes in ``precision``: what a sampler makes of its answers stays in 32 bits.

        With ``guidance`` w the network is asked with and without them, and ``without + w (with - without)`` is taken
        (Ho and Salimans 2022, arXiv:2207.12598, with w + 1 for their w): twice the work where w is not 1.

        Raises
        ------
        InputRefused
            What the model does not know, or cannot take; guidance of a model that draws only with conditions.
        """
        given = given_row(self.record.conditions, asked or {})
        if guidance != 1 and self.unet_shape.unasked:
            raise InputRefused(
                "This model never learnt to draw without its conditions, so it takes no guidance but 1."
            )
        network = _guided(self.unet, given, guidance) if asked else self.unet

        def computing(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            with computing_in(precision, self.device):
                return network(x, t).float()

        chosen = network if precision == "32" else computing
        return self.schedule.denoiser(chosen, self.autoencoder.normalised)

    def to(self, device: str) -> Bundle:
        """Move both networks to ``device``, in place."""
        if device != self.device:
            self.autoencoder.to(device)
            self.unet.to(device)
            self.device = device
        return self

    def encode(self, images: np.ndarray) -> torch.Tensor:
        """Return the scaled latents (n, channels, *space) of images (n, *grid) in [-1, 1], on the CPU.

        They are the means of a KL autoencoder, and not quantised where there is a codebook.
        """
        batch = torch.from_numpy(np.asarray(images, np.float32))[:, None]
        with torch.inference_mode():
            mean = encode(self.autoencoder, batch.to(self.device))
        latents: torch.Tensor = (mean * self.latent_scale).float().cpu()
        return latents

    def decode(self, latent: torch.Tensor, precision: str = "32") -> np.ndarray:
        """Return the image of one scaled latent (channels, *space): float32 in [-1, 1] on the recipe's grid."""
        with torch.inference_mode(), computing_in(precision, self.device):
            image = decode(self.autoencoder, latent[None] / self.latent_scale)[0, 0]
        array: np.ndarray = image.clamp(-1, 1).float().cpu().numpy()
        return array

    def reconstruct(self, image: np.ndarray) -> np.ndarray:
        """Return one image (grid) in [-1, 1] as the autoencoder gives it back: encoded to its latent mean, decoded."""
        return self.decode(self.encode(np.array(image, np.float32)[None])[0].to(self.device))

    def preview(self, latent: torch.Tensor, precision: str = "32") -> np.ndarray:
        """Return a picture (rows, columns) of a forming latent, as it is looked at.

        A volume is cut in the sagittal mid-plane (up is up, the face to the right); only a slab around it is
        decoded.
        """
        began = perf_counter()
        if latent.ndim == 3:
            picture = self.decode(latent, precision).T
        else:
            middle = latent.shape[1] // 2
            first = max(0, middle - SLAB)
            slab = self.decode(latent[:, first : middle + SLAB], precision)
            picture = slab[(middle - first) * self.autoencoder_shape.factor].T[::-1]
        self.preview_seconds = perf_counter() - began
        return np.ascontiguousarray(picture)


def _guided(unet: torch.nn.Module, given: torch.Tensor, guidance: float) -> Network:
    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        rows = given.to(x.device).expand(len(x), -1)
        if guidance == 1:
            plain: torch.Tensor = unet(x, t, rows)
            return plain
        both = torch.cat([rows, torch.full_like(rows, MISSING)])
        asked, free = unet(torch.cat([x, x]), torch.cat([t, t]), both).float().chunk(2)
        guided: torch.Tensor = free + guidance * (asked - free)
        return guided

    return network
