"""UniPC: Zhao, Bai, Rao, Zhou and Lu 2023 (arXiv:2302.04867), order 2, B(h) = e^h - 1, predicting x0."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, expm1, log

import torch

from medsynth_desktop.bundles.schedule import Denoiser
from medsynth_desktop.samplers.base import Draw, Sampler, State


def unipc(denoiser: Denoiser, noise: torch.Tensor, sigmas: list[float], draw: Draw) -> Iterator[State]:
    """Predict (algorithm 2, UniP) and correct with the evaluation that the next step needs anyway (algorithm 1, UniC).

    In ``x = x0 + sigma noise`` the half log-SNR is ``lambda = -log sigma``, ``h`` its step, and both read
    ``x' = (sigma' / sigma) x + (1 - e^-h) (x0 + sum of weights x differences of x0)``.
    """
    x = noise * sigmas[0]
    n = len(sigmas) - 1
    before = x
    x0s: list[torch.Tensor] = []  # the last two, the newest first
    steps: list[float] = []  # h of the last two steps, the newest first
    for i in range(n):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        if x0s:
            x = _corrected(before, denoised, x0s, steps)
        x0s, before = [denoised, *x0s[:1]], x
        if following == 0:
            x = denoised  # h is infinite: the exact limit of the step
        else:
            steps = [log(sigma / following), *steps[:1]]
            x = _moved(x, steps[0], denoised + _predicted_bend(x0s, steps))
        yield State(x, denoised, i + 1, n)


def _moved(x: torch.Tensor, h: float, target: torch.Tensor) -> torch.Tensor:
    return exp(-h) * x - expm1(-h) * target


def _predicted_bend(x0s: list[torch.Tensor], steps: list[float]) -> torch.Tensor:
    """Half the difference of x0 over one step, from the step before (order 2: the weight is 1/2 for every r)."""
    if len(x0s) == 1:
        return torch.zeros_like(x0s[0])
    return (x0s[0] - x0s[1]) * (steps[0] / steps[1] / 2)


def _corrected(
    before: torch.Tensor, reached: torch.Tensor, x0s: list[torch.Tensor], steps: list[float]
) -> torch.Tensor:
    """Take the last step again, now that x0 at its end is known (``reached``)."""
    ahead = reached - x0s[0]
    if len(x0s) == 1:
        return _moved(before, steps[0], x0s[0] + ahead / 2)
    ago, now = _weights(-steps[1] / steps[0], -steps[0])
    behind = (x0s[1] - x0s[0]) * (-steps[0] / steps[1])
    return _moved(before, steps[0], x0s[0] + ago * behind + now * ahead)


def _weights(r: float, hh: float) -> tuple[float, float]:
    """Solve equation 9 for the two differences, at ``r`` steps (negative) and at 1 step from the start.

    Its right side holds the phi functions of the exponential integrator: with ``g1 = (e^hh - 1) / hh`` it is
    ``(g1 - 1) / (e^hh - 1)`` and ``2 ((g1 - 1) / hh - 1 / 2) / (e^hh - 1)``.
    """
    first = expm1(hh) / hh - 1
    b1 = first / expm1(hh)
    b2 = 2 * (first / hh - 0.5) / expm1(hh)
    ago = (b1 - b2) / (1 - r)
    return ago, b1 - ago


SAMPLER = Sampler("unipc", "UniPC (order 2)", default_steps=20, spacing="flow", steps=unipc)
