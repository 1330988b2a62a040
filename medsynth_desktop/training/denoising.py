"""How well a model denoises given images: the loss it was trained on, measured the same way for each image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from medsynth_desktop.bundles.bundle import Bundle
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.networks.bounded import encode

AT_ONCE = 16
"""Noised latents that go through the UNet together."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What noise images are put under: the same for every image, so that only the image makes the difference.

    ``levels`` are shares of the schedule's steps, ``draws`` of noise are taken at each. Levels well within the schedule
    tell members apart best: near its start any network denoises well, near its end nothing of the image is left
    (Carlini et al. 2023, Extracting Training Data from Diffusion Models; Matsumoto et al. 2023).
    """

    levels: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5)
    draws: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.levels or not all(0 < level < 1 for level in self.levels) or self.draws < 1:
            raise InputRefused(
                f"A probe needs levels between 0 and 1 and at least one draw; got {self.levels} and {self.draws}."
            )


def denoising_loss(bundle: Bundle, images: Iterable[np.ndarray], probe: Probe) -> np.ndarray:
    """Return the mean squared error of the network's prediction for each image, over all levels and draws of ``probe``.

    Parameters
    ----------
    bundle
        The model; computes where its networks are.
    images
        On the grid of the bundle's recipe, in [-1, 1].
    probe
        Noise and levels.

    Returns
    -------
    numpy.ndarray
        (n,) float64; what the network predicts is `Schedule.prediction`, as in training.

    Raises
    ------
    InputRefused
        When an image has another shape than the recipe's grid.
    """
    losses = []
    with torch.inference_mode():
        noise, t = _noise(bundle, probe)
        for image in images:
            x0 = _latent(bundle, image)
            errors = []
            for first in range(0, len(t), AT_ONCE):
                part = slice(first, first + AT_ONCE)
                clean = x0.expand(len(t[part]), *x0.shape[1:])
                seen, target = bundle.schedule.target(clean, noise[part], t[part])
                error = (bundle.unet(seen, t[part]) - target).double().square()
                errors += error.flatten(1).mean(dim=1).tolist()
            losses.append(float(np.mean(errors)))
    return np.array(losses)


def _noise(bundle: Bundle, probe: Probe) -> tuple[torch.Tensor, torch.Tensor]:
    """(levels x draws, channels, *space) of standard normal noise and the step each is for; drawn on the processor."""
    steps = [round(level * (bundle.schedule.steps - 1)) for level in probe.levels for _ in range(probe.draws)]
    generator = torch.Generator("cpu").manual_seed(probe.seed)
    noise = torch.randn((len(steps), *bundle.latent_shape), generator=generator)
    return noise.to(bundle.device), torch.tensor(steps, device=bundle.device)


def _latent(bundle: Bundle, image: np.ndarray) -> torch.Tensor:
    grid = bundle.record.recipe.grid
    if image.shape != grid:
        raise InputRefused(f"An image to probe the model with must have its grid {grid}; got {image.shape}.")
    array = torch.from_numpy(np.array(image, np.float32))[None, None]
    latent: torch.Tensor = encode(bundle.autoencoder, array.to(bundle.device)) * bundle.latent_scale
    return latent
