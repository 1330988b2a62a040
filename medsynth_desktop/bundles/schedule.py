"""The noise a diffusion model was trained with, and any network as ``denoiser(x, sigma)``.

Two notations meet here. Training follows Ho et al. 2020 (arXiv:2006.11239): ``x_t = a x0 + s noise`` with
``a^2 + s^2 = 1``. Samplers follow Karras et al. 2022 (arXiv:2206.00364): ``x = x0 + sigma noise``. They are the
same up to scale: ``sigma = s / a`` and ``x = x_t / a``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

Denoiser: TypeAlias = Callable[[torch.Tensor, float], torch.Tensor]
"""``denoiser(x, sigma)``: the expected x0 given ``x = x0 + sigma * noise``; ``x`` is (batch, channels, *space)."""
Network: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""``network(x_t, t)``: predicts by `Schedule.prediction`; ``t`` is (batch,) of steps, fractions allowed."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Betas of a discrete diffusion: ``scaled_linear`` is linear in their square roots."""

    kind: Literal["scaled_linear", "linear"] = "scaled_linear"
    steps: int = 1000
    beta_start: float = 0.0015
    beta_end: float = 0.0195
    prediction: Literal["v", "epsilon"] = "v"

    def __post_init__(self) -> None:
        if self.kind not in ("scaled_linear", "linear"):
            raise ValueError(f"schedule kind must be scaled_linear or linear; got {self.kind!r}")
        if self.prediction not in ("v", "epsilon"):
            raise ValueError(f"prediction must be v or epsilon; got {self.prediction!r}")
        if type(self.steps) is not int or not 2 <= self.steps <= 10_000:
            raise ValueError(f"schedule steps must be a whole number from 2 to 10000; got {self.steps!r}")
        if not 0 < self.beta_start <= self.beta_end < 1:
            raise ValueError(f"betas must rise within (0, 1); got {self.beta_start} to {self.beta_end}")

    def alphas_cumprod(self) -> torch.Tensor:
        """(steps,) float64: the share of the signal's variance that is left after each step."""
        if self.kind == "linear":
            betas = torch.linspace(self.beta_start, self.beta_end, self.steps, dtype=torch.float64)
        else:
            low, high = self.beta_start**0.5, self.beta_end**0.5
            betas = torch.linspace(low, high, self.steps, dtype=torch.float64) ** 2
        kept: torch.Tensor = torch.cumprod(1 - betas, 0)
        return kept

    def sigmas(self) -> torch.Tensor:
        """(steps,) float64, rising: noise to signal after each training step."""
        kept = self.alphas_cumprod()
        sigmas: torch.Tensor = ((1 - kept) / kept).sqrt()
        return sigmas

    def target(
        self, x0: torch.Tensor, noise: torch.Tensor, t: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the network sees at step ``t`` and what it must predict.

        ``v = a noise - s x0`` is Salimans and Ho 2022 (arXiv:2202.00512, appendix D).
        """
        kept = self.alphas_cumprod().to(x0)[t].view(-1, *[1] * (x0.ndim - 1))
        a, s = kept.sqrt(), (1 - kept).sqrt()
        return a * x0 + s * noise, noise if self.prediction == "epsilon" else a * noise - s * x0

    def denoiser(self, network: Network) -> Denoiser:
        """Wrap ``network`` as `Denoiser`; a sigma between two training steps is placed by its logarithm."""
        table = self.sigmas().log()

        def denoise(x: torch.Tensor, sigma: float) -> torch.Tensor:
            a = 1 / (1 + sigma**2) ** 0.5
            s = sigma * a
            t = torch.full((x.shape[0],), _fractional_index(table, sigma), device=x.device)
            predicted = network(x * a, t)
            if self.prediction == "epsilon":
                return x - sigma * predicted
            denoised: torch.Tensor = a * (x * a) - s * predicted
            return denoised

        return denoise


def _fractional_index(log_sigmas: torch.Tensor, sigma: float) -> float:
    """Where ``sigma`` lies in the table, by linear interpolation of its logarithm; clamped to the ends."""
    value = torch.tensor(sigma, dtype=torch.float64).log()
    high = int(torch.searchsorted(log_sigmas, value).clamp(1, len(log_sigmas) - 1))
    low = high - 1
    weight = (value - log_sigmas[low]) / (log_sigmas[high] - log_sigmas[low])
    return low + float(weight.clamp(0, 1))
