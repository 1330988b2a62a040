"""DDPM: Ho, Jain and Abbeel 2020 (arXiv:2006.11239), ancestral sampling."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from medsynth_desktop.bundles.schedule import Denoiser
from medsynth_desktop.samplers.base import Draw, Sampler, State


def ddpm(denoiser: Denoiser, noise: torch.Tensor, sigmas: list[float], draw: Draw) -> Iterator[State]:
    """Draw each level from the posterior of equation 7, between the levels that are really used.

    In ``x = x0 + sigma noise`` noise is added level by level, as Brownian motion adds it, so that given both ends
    ``x' ~ N(x0 + (sigma' / sigma)^2 (x - x0), sigma'^2 (sigma^2 - sigma'^2) / sigma^2)``: the paper's mean and its
    beta-tilde for any stride.
    """
    x = noise * sigmas[0]
    n = len(sigmas) - 1
    for i in range(n):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        kept = (following / sigma) ** 2
        x = denoised + kept * (x - denoised)
        if following > 0:
            x = x + following * (1 - kept) ** 0.5 * draw()
        yield State(x, denoised, i + 1, n)


SAMPLER = Sampler("ddpm", "DDPM (ancestral)", default_steps=250, spacing="time", steps=ddpm)
