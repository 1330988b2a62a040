"""DPM-Solver++(2M): Lu et al. 2022 (arXiv:2211.01095), algorithm 2."""

from __future__ import annotations

from collections.abc import Iterator
from math import expm1, log

import torch

from medsynth_desktop.bundles.schedule import Denoiser
from medsynth_desktop.samplers.base import Draw, Sampler, State


def dpmpp_2m(denoiser: Denoiser, noise: torch.Tensor, sigmas: list[float], draw: Draw) -> Iterator[State]:
    """Second order from one evaluation a step: the last x0 is remembered ("multistep").

    In ``x = x0 + sigma noise`` the paper's half log-SNR is ``lambda = -log sigma`` and its line 7 reads
    ``x' = (sigma' / sigma) x - (exp(-h) - 1) D``.
    """
    x = noise * sigmas[0]
    n = len(sigmas) - 1
    previous: torch.Tensor | None = None
    h_previous = 0.0
    for i in range(n):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        if following == 0:
            x = denoised  # h is infinite: the exact limit of the step
        else:
            h = log(sigma / following)
            target = denoised
            if previous is not None:
                # Line 6: D extrapolates x0 linearly to the middle of the step; r is the ratio of step sizes.
                r = h_previous / h
                target = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * previous
            x = (following / sigma) * x - expm1(-h) * target
            previous, h_previous = denoised, h
        yield State(x, denoised, i + 1, n)


SAMPLER = Sampler("dpm-solver++2m", "DPM-Solver++ (2M)", default_steps=20, spacing="flow", steps=dpmpp_2m)
