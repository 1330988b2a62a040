"""The noise a diffusion model was trained with, and any network as ``denoiser(x, sigma)``.

Two notations meet here. Training follows Ho et al. 2020 (arXiv:2006.11239), ``x_t = a x0 + s noise`` with
``a^2 + s^2 = 1``, or rectified flow (Liu et al. 2022, arXiv:2209.03003), where ``a + s = 1``. Samplers follow
Karras et al. 2022 (arXiv:2206.00364): ``x = x0 + sigma noise``. They are the same up to scale: ``sigma = s / a``,
``x = x_t / a``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch

Denoiser: TypeAlias = Callable[[torch.Tensor, float], torch.Tensor]
"""``denoiser(x, sigma)``: the expected x0 given ``x = x0 + sigma * noise``; ``x`` is (batch, channels, *space)."""
Network: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""``network(x_t, t)``: predicts by `Schedule.prediction`; ``t`` is (batch,) of steps, fractions allowed."""
Kind: TypeAlias = Literal["scaled_linear", "linear", "cosine", "flow"]
Prediction: TypeAlias = Literal["v", "epsilon", "flow", "x0"]
COSINE_OFFSET, LARGEST_BETA = 0.008, 0.999
"""Nichol and Dhariwal 2021 (arXiv:2102.09672), equation 17 and the clip below it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Noise by training step, and what the network predicts of it.

    ``scaled_linear`` betas are linear in their square roots; ``cosine`` and ``flow`` have no use for
    ``beta_start`` and ``beta_end``. ``flow`` mixes image and noise in a straight line: at step ``t``, counted from 0, a
    share of ``(t + 1/2) / steps`` is noise. Predictions: ``v = a noise - s x0`` is Salimans and Ho 2022
    (arXiv:2202.00512, appendix D), ``flow`` the velocity ``noise - x0``; each goes with every kind.
    """

    kind: Kind = "scaled_linear"
    steps: int = 1000
    beta_start: float = 0.0015
    beta_end: float = 0.0195
    prediction: Prediction = "v"

    def __post_init__(self) -> None:
        _check_one_of("schedule kind", self.kind, get_args(Kind))
        _check_one_of("prediction", self.prediction, get_args(Prediction))
        if type(self.steps) is not int or not 2 <= self.steps <= 10_000:
            raise ValueError(f"schedule steps must be a whole number from 2 to 10000; got {self.steps!r}")
        if not 0 < self.beta_start <= self.beta_end < 1:
            raise ValueError(f"betas must rise within (0, 1); got {self.beta_start} to {self.beta_end}")

    def sigmas(self) -> torch.Tensor:
        """(steps,) float64, rising: noise to signal after each training step."""
        if self.kind == "flow":
            share = (torch.arange(self.steps, dtype=torch.float64) + 0.5) / self.steps
            return share / (1 - share)
        betas = self._betas()
        # log1p and expm1: 1 - cumprod(1 - beta) would lose the digits of the first, faintest noise.
        lost = torch.cumsum(torch.log1p(-betas), 0)
        sigmas: torch.Tensor = torch.expm1(-lost).sqrt()
        return sigmas

    def _betas(self) -> torch.Tensor:
        if self.kind == "cosine":
            at = torch.arange(self.steps + 1, dtype=torch.float64) / self.steps
            kept = torch.cos((at + COSINE_OFFSET) / (1 + COSINE_OFFSET) * math.pi / 2) ** 2
            return (1 - kept[1:] / kept[:-1]).clamp(max=LARGEST_BETA)
        if self.kind == "linear":
            return torch.linspace(self.beta_start, self.beta_end, self.steps, dtype=torch.float64)
        low, high = self.beta_start**0.5, self.beta_end**0.5
        return torch.linspace(low, high, self.steps, dtype=torch.float64) ** 2

    def signal(self, sigma: torch.Tensor) -> torch.Tensor:
        """``a`` of ``x_t = a x0 + s noise`` where ``s = sigma a``."""
        return 1 / (1 + sigma) if self.kind == "flow" else 1 / (1 + sigma**2).sqrt()

    def target(
        self, x0: torch.Tensor, noise: torch.Tensor, t: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the network sees at step ``t`` (n,) and what it must predict, both shaped as ``x0``."""
        sigma = self.sigmas().to(t.device)[t].view(-1, *[1] * (x0.ndim - 1))
        exact = self.signal(sigma)
        a, s = exact.to(x0), (sigma * exact).to(x0)
        seen = a * x0 + s * noise
        if self.prediction == "epsilon":
            return seen, noise
        if self.prediction == "x0":
            return seen, x0
        return seen, noise - x0 if self.prediction == "flow" else a * noise - s * x0

    def denoiser(self, network: Network, normalised: bool = False) -> Denoiser:
        """Wrap ``network`` as `Denoiser`; a sigma between two training steps is placed by its logarithm.

        Of ``normalised`` latents, which lie in [-1, 1], x0 is expected within that range, as Ho et al. and Khader et
        al. clip it. Where nearly all is noise, x0 is the difference of two numbers thousands of times larger than it
        (cosine betas end at a sigma of 6000), so a small error of a network that predicts the noise would drown it.
        """
        table = self.sigmas().log()

        def denoise(x: torch.Tensor, sigma: float) -> torch.Tensor:
            a = float(self.signal(torch.tensor(sigma, dtype=torch.float64)))
            s = sigma * a
            t = torch.full((x.shape[0],), _fractional_index(table, sigma), device=x.device)
            seen = x * a
            clean = self._clean(seen, network(seen, t), a, s)
            return clean.clamp(-1, 1) if normalised else clean

        return denoise

    def _clean(self, seen: torch.Tensor, predicted: torch.Tensor, a: float, s: float) -> torch.Tensor:
        """Solve ``seen = a x0 + s noise`` and the prediction's definition for x0."""
        if self.prediction == "x0":
            return predicted
        if self.prediction == "epsilon":
            return (seen - s * predicted) / a
        if self.prediction == "flow":
            return (seen - s * predicted) / (a + s)
        return (a * seen - s * predicted) / (a * a + s * s)


def _check_one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}; got {value!r}")


def _fractional_index(log_sigmas: torch.Tensor, sigma: float) -> float:
    """Where ``sigma`` lies in the table, by linear interpolation of its logarithm; clamped to the ends."""
    value = torch.tensor(sigma, dtype=torch.float64).log()
    high = int(torch.searchsorted(log_sigmas, value).clamp(1, len(log_sigmas) - 1))
    low = high - 1
    weight = (value - log_sigmas[low]) / (log_sigmas[high] - log_sigmas[low])
    return low + float(weight.clamp(0, 1))
