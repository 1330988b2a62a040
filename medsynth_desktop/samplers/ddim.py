"""DDIM: Song, Meng and Ermon 2021 (arXiv:2010.02502), without added noise."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from medsynth_desktop.bundles.schedule import Denoiser
from medsynth_desktop.samplers.base import Sampler, State


def ddim(denoiser: Denoiser, noise: torch.Tensor, sigmas: list[float]) -> Iterator[State]:
    """Follow equation 13 of the paper, the probability flow in ``x / a`` over ``sigma``, by Euler steps.

    With ``x_t = a x`` the paper's equation 12 (no noise added) reads ``x' = x0 + sigma' * (x - x0) / sigma``, where
    sigma' belongs to the time that is really next, not to one a fixed stride below.
    """
    x = noise * sigmas[0]
    n = len(sigmas) - 1
    for i in range(n):
        denoised = denoiser(x, sigmas[i])
        # The noise direction predicted at this level, (x - x0) / sigma, is kept down to the next one.
        x = denoised + (sigmas[i + 1] / sigmas[i]) * (x - denoised)
        yield State(x, denoised, i + 1, n)


SAMPLER = Sampler("ddim", "DDIM", default_steps=50, spacing="time", steps=ddim)
