"""What holds for every sampler, present and to come."""

from __future__ import annotations

import pytest
import torch

from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.samplers import SAMPLERS
from medsynth_desktop.samplers.base import Sampler, noise_levels

SCHEDULE = Schedule()
each = pytest.mark.parametrize("sampler", list(SAMPLERS), ids=SAMPLERS.keys())


def fresh() -> torch.Tensor:
    """The noise that a stochastic sampler is given; here always the same."""
    return torch.ones(1, 1, 1)


def shrink(x: torch.Tensor, sigma: float) -> torch.Tensor:
    return x / (1 + sigma**2)


@each
@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_one_state_a_step_and_hardly_more_evaluations(sampler: Sampler, n: int) -> None:
    calls: list[float] = []

    def counted(x: torch.Tensor, sigma: float) -> torch.Tensor:
        calls.append(sigma)
        return shrink(x, sigma)

    noise = torch.ones(2, 1, 4)
    sigmas = noise_levels(SCHEDULE, n, sampler.spacing)
    states = list(sampler.steps(counted, noise, sigmas, fresh))
    assert list(dict.fromkeys(calls)) == sigmas[:-1]
    assert len(calls) <= n + 1  # PNDM's first step looks ahead once
    assert [(s.i, s.n) for s in states] == [(i + 1, n) for i in range(n)]
    assert all(s.x.shape == s.denoised.shape == noise.shape for s in states)
    assert torch.equal(states[-1].x, states[-1].denoised)  # no noise is left


@each
def test_the_noise_given_is_left_alone_and_decides_the_result(sampler: Sampler) -> None:
    noise = torch.randn(1, 2, 4, generator=torch.Generator().manual_seed(0))
    before = noise.clone()
    sigmas = noise_levels(SCHEDULE, 5, sampler.spacing)
    runs = [list(sampler.steps(shrink, noise, sigmas, fresh))[-1].x for _ in range(2)]
    assert torch.equal(noise, before)
    assert torch.equal(*runs)


@each
@pytest.mark.parametrize("n", [1, 2, 20, 333, 1000])
def test_noise_levels_fall_from_the_noisiest_trained_to_zero(sampler: Sampler, n: int) -> None:
    sigmas = noise_levels(SCHEDULE, n, sampler.spacing)
    table = SCHEDULE.sigmas()
    assert len(sigmas) == n + 1
    assert sigmas[0] == pytest.approx(float(table[-1]))
    assert sigmas[-1] == 0
    assert all(a > b for a, b in zip(sigmas, sigmas[1:], strict=False))
    if n > 1 and sampler.spacing != "flow":
        assert sigmas[-2] == pytest.approx(float(table[0]))
    assert sigmas[-2] >= float(table[0]) * (1 - 1e-9)  # no noise fainter than the network has seen


@pytest.mark.parametrize("n", [2, 20, 1000])
def test_flow_spacing_is_even_in_the_share_of_noise(n: int) -> None:
    shares = [s / (1 + s) for s in noise_levels(Schedule("flow"), n, "flow")]
    assert shares[0] == pytest.approx(0.9995)
    parts = [a - b for a, b in zip(shares, shares[1:], strict=False)]
    assert parts == pytest.approx([0.9995 / n] * n, rel=1e-6)


@pytest.mark.parametrize("n", [0, -1, 1001])
def test_impossible_step_counts_are_refused(n: int) -> None:
    with pytest.raises(InputRefused, match="1 to 1000"):
        noise_levels(SCHEDULE, n, "time")


def test_time_spacing_with_all_steps_is_the_whole_table() -> None:
    assert noise_levels(SCHEDULE, 1000, "time")[:-1] == [float(s) for s in SCHEDULE.sigmas().flip(0)]


def test_keys_are_those_that_records_name() -> None:
    assert set(SAMPLERS.keys()) >= {"ddim", "dpm-solver++2m"}
