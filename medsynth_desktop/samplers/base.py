"""What every sampler is: a generator of states under one signature, and where it places its noise levels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from medsynth_desktop.bundles.schedule import Denoiser, Schedule
from medsynth_desktop.core.errors import InputRefused

RHO = 7.0
"""Karras et al. 2022, table 1: noise levels lie evenly in sigma^(1/7), denser where little noise is left."""
SpacingName: TypeAlias = Literal["time", "karras"]


@dataclass(frozen=True, slots=True)
class State:
    """After step ``i`` of ``n`` (from 1): ``x`` at the next noise level and the x0 that is expected of it."""

    x: torch.Tensor
    denoised: torch.Tensor
    i: int
    n: int


StepsFunction: TypeAlias = Callable[[Denoiser, torch.Tensor, list[float]], Iterator[State]]


@dataclass(frozen=True, slots=True)
class Sampler:
    """A sampling algorithm.

    ``steps(denoiser, noise, sigmas)`` starts at ``noise * sigmas[0]`` (standard normal noise of shape
    (batch, channels, *space)), evaluates ``denoiser`` once a step and yields a `State` for each of ``sigmas`` but
    the last, which is 0.
    """

    key: str
    label: str
    default_steps: int
    spacing: SpacingName
    steps: StepsFunction


def noise_levels(schedule: Schedule, n: int, spacing: SpacingName) -> list[float]:
    """``n`` falling sigmas from the noisiest trained to the cleanest, and 0.

    ``time`` takes trained steps at even strides, both ends included; for ``n`` equal to ``schedule.steps``, all.

    Raises
    ------
    InputRefused
        When ``n`` is not from 1 to ``schedule.steps``.
    """
    if not 1 <= n <= schedule.steps:
        raise InputRefused(f"Sampling takes 1 to {schedule.steps} steps with this model; got {n}.")
    table = schedule.sigmas()
    if n == 1:
        return [float(table[-1]), 0.0]
    if spacing == "karras":
        high, low = float(table[-1]) ** (1 / RHO), float(table[0]) ** (1 / RHO)
        return [(high + i / (n - 1) * (low - high)) ** RHO for i in range(n)] + [0.0]
    times = torch.linspace(schedule.steps - 1, 0, n, dtype=torch.float64).round().long()
    return [float(s) for s in table[times]] + [0.0]
