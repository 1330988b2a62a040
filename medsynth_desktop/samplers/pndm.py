"""PNDM: Liu, Ren, Lin and Zhao 2022 (arXiv:2202.09778), the linear multistep method (PLMS) of latent diffusion."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from medsynth_desktop.bundles.schedule import Denoiser
from medsynth_desktop.samplers.base import Draw, Sampler, State

ADAMS_BASHFORTH = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)
"""Weights of the noise predicted now, a step ago, ...: one row for as many predictions as there are."""


def pndm(denoiser: Denoiser, noise: torch.Tensor, sigmas: list[float], draw: Draw) -> Iterator[State]:
    """Combine the last four predicted noises (equation 12) and follow the straight line of that noise (equation 11).

    In ``x = x0 + sigma noise`` the paper's transfer reads ``x' = x + (sigma' - sigma) e``. The first step is the
    improved Euler of latent diffusion (Rombach et al. 2022): a second evaluation where Euler's step leads to, and the
    mean of both, for one prediction alone would be of first order.
    """
    x = noise * sigmas[0]
    n = len(sigmas) - 1
    predicted: list[torch.Tensor] = []
    for i in range(n):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        predicted = [(x - denoised) / sigma, *predicted[:3]]
        if i == 0 and following > 0:
            ahead = x + (following - sigma) * predicted[0]
            combined = (predicted[0] + (ahead - denoiser(ahead, following)) / following) / 2
        else:
            weights = ADAMS_BASHFORTH[len(predicted) - 1]
            combined = sum((w * e for w, e in zip(weights, predicted, strict=True)), torch.zeros_like(x))
        x = x + (following - sigma) * combined
        yield State(x, denoised if following else x, i + 1, n)


SAMPLER = Sampler("pndm", "PNDM (PLMS)", default_steps=50, spacing="karras", steps=pndm)
