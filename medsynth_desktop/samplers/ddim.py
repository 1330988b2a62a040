"""DDIM: Song, Meng and Ermon 2021 (arXiv:2010.02502), without added noise."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from medsynth_desktop.bundles.schedule import Denoiser
from medsynth_desktop.samplers.base import Draw, Sampler, State, follow_line


def ddim(denoiser: Denoiser, noise: torch.Tensor, sigmas: list[float], draw: Draw) -> Iterator[State]:
    """Follow equation 12 of the paper without noise: with ``x_t = a x``, ``x' = x0 + sigma' (x - x0) / sigma``."""
    return follow_line(denoiser, noise, sigmas)


SAMPLER = Sampler("ddim", "DDIM", default_steps=50, spacing="flow", steps=ddim)
