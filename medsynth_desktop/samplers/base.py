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
SpacingName: TypeAlias = Literal["time", "karras", "flow"]
Draw: TypeAlias = Callable[[], torch.Tensor]
"""Fresh standard normal noise in the shape of the first; each image has it from its own generator."""


@dataclass(frozen=True, slots=True)
class State:
    """After step ``i`` of ``n`` (from 1): ``x`` at the next noise level and the x0 that is expected of it."""

    x: torch.Tensor
    denoised: torch.Tensor
    i: int
    n: int


StepsFunction: TypeAlias = Callable[[Denoiser, torch.Tensor, list[float], Draw], Iterator[State]]


@dataclass(frozen=True, slots=True)
class Sampler:
    """A sampling algorithm.

    ``steps(denoiser, noise, sigmas, draw)`` starts at ``noise * sigmas[0]`` (standard normal noise of shape
    (batch, channels, *space)) and yields a `State` for each of ``sigmas`` but the last, which is 0. What more noise it
    needs comes from ``draw``, so that a sample does not depend on those it was drawn with.
    """

    key: str
    label: str
    default_steps: int
    spacing: SpacingName
    steps: StepsFunction


def follow_line(denoiser: Denoiser, noise: torch.Tensor, sigmas: list[float]) -> Iterator[State]:
    """Euler steps of the probability flow, dx/dsigma = (x - x0) / sigma: along ``x0 + sigma noise``, a straight line.

    DDIM without noise (Song et al., equation 12) and Euler's method on a rectified flow are both this update. sigma'
    is of the time that is really next, not of one a fixed stride below.
    """
    x = noise * sigmas[0]
    n = len(sigmas) - 1
    for i in range(n):
        denoised = denoiser(x, sigmas[i])
        # The noise direction predicted at this level, (x - x0) / sigma, is kept down to the next one.
        x = denoised + (sigmas[i + 1] / sigmas[i]) * (x - denoised)
        yield State(x, denoised, i + 1, n)


def noise_levels(schedule: Schedule, n: int, spacing: SpacingName) -> list[float]:
    """``n`` falling sigmas from the noisiest trained to about the cleanest, and 0.

    ``time`` takes trained steps at even strides, both ends included; for ``n`` equal to ``schedule.steps``, all.
    ``karras`` ends at the cleanest too. ``flow`` divides the share of noise, sigma / (1 + sigma), into ``n`` even
    parts, of which the last leads to 0.

    Raises
    ------
    InputRefused
        When ``n`` is not from 1 to ``schedule.steps``.
    """
    if not 1 <= n <= schedule.steps:
        raise InputRefused(f"Sampling takes 1 to {schedule.steps} steps with this model; got {n}.")
    table = schedule.sigmas()
    high, low = float(table[-1]), float(table[0])
    if n == 1:
        return [high, 0.0]
    if spacing == "karras":
        first, last = high ** (1 / RHO), low ** (1 / RHO)
        return [(first + i / (n - 1) * (last - first)) ** RHO for i in range(n)] + [0.0]
    if spacing == "flow":
        most, least = high / (1 + high), low / (1 + low)
        least = max(least, most / n)
        shares = [most + i / (n - 1) * (least - most) for i in range(n)]
        return [t / (1 - t) for t in shares] + [0.0]
    times = torch.linspace(schedule.steps - 1, 0, n, dtype=torch.float64).round().long()
    return [float(s) for s in table[times]] + [0.0]
