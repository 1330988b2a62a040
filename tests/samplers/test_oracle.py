"""Every sampler against data whose perfect denoiser is known: a Gaussian.

Of x0 ~ N(m, d^2) the expectation given x = x0 + sigma noise is (d^2 x + sigma^2 m) / (d^2 + sigma^2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.samplers import SAMPLERS
from medsynth_desktop.samplers.base import noise_levels

MEAN, STD, COUNT = 0.3, 0.8, 4_000
SCHEDULE = Schedule()
STEPS = (10, 20, 150, 334, 1000)


def network(prediction: str) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The perfect network in the notation of training: x_t = a x0 + s noise."""
    kept = SCHEDULE.alphas_cumprod()

    def predict(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        # Between two trained steps a network interpolates; here: in the logarithm of sigma, as the samplers place it.
        low = t.double().floor().long().clamp(max=len(kept) - 2)
        table = ((1 - kept) / kept).sqrt().log()
        sigma = (table[low] + (t.double() - low) * (table[low + 1] - table[low])).exp()
        a = (1 / (1 + sigma**2).sqrt()).to(x).view(-1, 1)
        s = (1 - a**2).sqrt()
        x0 = MEAN + a * STD**2 / (a**2 * STD**2 + s**2) * (x - a * MEAN)
        noise = (x - a * x0) / s
        return noise if prediction == "epsilon" else a * noise - s * x0

    return predict


def reference(key: str, sigmas: list[float]) -> float:
    """Standard deviation that the method gives in exact arithmetic, from its update in the paper's own notation.

    All updates are linear in x, so the deviation is the gain of a unit of noise. ``a`` and ``s`` are alpha_t and
    sigma_t of the papers; the mean is 0.
    """
    a = [1 / math.sqrt(1 + v * v) for v in sigmas]
    s = [v * u for v, u in zip(sigmas, a, strict=True)]
    x, previous, h_previous = s[0], 0.0, 0.0
    for i in range(len(sigmas) - 1):
        x0 = a[i] * STD**2 / (a[i] ** 2 * STD**2 + s[i] ** 2) * x
        if key == "ddim":  # Song et al., equation 12 without noise
            x = a[i + 1] * x0 + s[i + 1] * (x - a[i] * x0) / s[i]
            continue
        if sigmas[i + 1] == 0:
            x = x0
            continue
        h = math.log(a[i + 1] / s[i + 1]) - math.log(a[i] / s[i])
        r = h_previous / h
        d = x0 if i == 0 else (1 + 1 / (2 * r)) * x0 - previous / (2 * r)
        x = s[i + 1] / s[i] * x - a[i + 1] * (math.exp(-h) - 1) * d  # Lu et al., algorithm 2
        previous, h_previous = x0, h
    return x


def sampled_std(key: str, n: int, prediction: str = "v") -> tuple[float, float]:
    sampler = SAMPLERS[key]
    noise = torch.randn(COUNT, 1, generator=torch.Generator().manual_seed(7))
    noise = (noise - noise.mean()) / noise.std()  # so that what is measured is the sampler, not the draw
    sigmas = noise_levels(SCHEDULE, n, sampler.spacing)
    x = noise
    schedule = replace(SCHEDULE, prediction=prediction)  # type: ignore[arg-type]
    for state in sampler.steps(schedule.denoiser(network(prediction)), noise, sigmas):
        x = state.x
    return float(x.mean()), float(x.std())


@pytest.mark.parametrize("key", SAMPLERS.keys())
@pytest.mark.parametrize("n", STEPS)
def test_deviation_is_that_of_the_method_in_exact_arithmetic(key: str, n: int) -> None:
    mean, std = sampled_std(key, n)
    exact = reference(key, noise_levels(SCHEDULE, n, SAMPLERS[key].spacing))
    assert abs(std / exact - 1) < 0.01
    assert abs(mean - MEAN) < 0.02


@pytest.mark.parametrize(("key", "n", "within"), [
    ("ddim", 150, 0.05), ("ddim", 334, 0.02), ("ddim", 501, 0.015), ("ddim", 1000, 0.01),
    ("dpm-solver++2m", 20, 0.03), ("dpm-solver++2m", 50, 0.005), ("dpm-solver++2m", 1000, 0.005),
])  # fmt: skip
def test_deviation_is_that_of_the_data(key: str, n: int, within: float) -> None:
    # A stride of T // N where N does not divide T gives +25 % at 334 and +41 % at 501.
    _, std = sampled_std(key, n)
    assert abs(std / STD - 1) < within


@pytest.mark.parametrize("key", SAMPLERS.keys())
def test_both_predictions_sample_alike(key: str) -> None:
    assert sampled_std(key, 20, "v") == pytest.approx(sampled_std(key, 20, "epsilon"), rel=1e-3)


@pytest.mark.parametrize("prediction", ["v", "epsilon"])
def test_the_denoiser_undoes_what_training_does(prediction: str) -> None:
    # A network that answers with the very target of a noisy image must give that image back.
    schedule = Schedule(prediction=prediction)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(1)
    x0 = torch.randn(1, 2, 4, generator=generator)
    noise = torch.randn(1, 2, 4, generator=generator)
    for t in (0, 10, 500, 999):
        sigma = float(schedule.sigmas()[t])
        seen, target = schedule.target(x0, noise, torch.tensor([t]))

        def answer(x: torch.Tensor, at: torch.Tensor, seen=seen, target=target, t=t) -> torch.Tensor:
            assert torch.allclose(x, seen, atol=1e-4)
            assert abs(float(at) - t) < 1e-6
            return target

        denoised = schedule.denoiser(answer)(x0 + sigma * noise, sigma)
        assert torch.allclose(denoised, x0, atol=1e-3 if prediction == "v" else 2e-2)
