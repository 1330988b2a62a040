"""Rectified flow: Liu, Gong and Liu 2022 (arXiv:2209.03003), Euler's method in equal steps of the share of noise."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from medsynth_desktop.bundles.schedule import Denoiser
from medsynth_desktop.samplers.base import Draw, Sampler, State, follow_line


def rectified_flow(
    denoiser: Denoiser, noise: torch.Tensor, sigmas: list[float], draw: Draw
) -> Iterator[State]:
    """Follow dz/dt = noise - x0 (equation 1 of the paper, its time reversed) from t = 1 to 0.

    With ``z = (1 - t) x0 + t noise = (1 - t) x`` and ``t = sigma / (1 + sigma)`` the Euler step
    ``z' = z + (t' - t)(z - x0) / t`` is ``x' = x0 + sigma' (x - x0) / sigma``.
    """
    return follow_line(denoiser, noise, sigmas)


SAMPLER = Sampler("rectified-flow", "Rectified flow", default_steps=30, spacing="flow", steps=rectified_flow)
