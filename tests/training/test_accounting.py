"""Accountants against the closed form of full batches, and against each other; wrong numbers are refused."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.training import accounting
from medsynth_desktop.training.accounting import EXACT, Mechanism, noise_for, spent


def closed_form(noise: float, steps: int, delta: float) -> float:
    """Epsilon of ``steps`` Gaussian mechanisms on all patients (Balle and Wang 2018, arXiv:1805.06530, theorem 8)."""
    sigma = noise / math.sqrt(steps)

    def excess(epsilon: float) -> float:
        first = norm.cdf(1 / (2 * sigma) - epsilon * sigma)
        return float(first - math.exp(epsilon) * norm.cdf(-1 / (2 * sigma) - epsilon * sigma) - delta)

    return float(brentq(excess, 0, 100))


@pytest.mark.parametrize(("noise", "steps", "delta"), [(5.0, 20, 1e-3), (12.0, 100, 1e-5), (2.0, 1, 1e-4)])
def test_both_accountants_give_the_closed_form_of_full_batches(
    noise: float, steps: int, delta: float
) -> None:
    exact = closed_form(noise, steps, delta)
    for found in spent(Mechanism(noise, 1.0, steps), delta):
        assert exact * (1 - 1e-3) <= found <= exact * (1 + EXACT)


@pytest.mark.parametrize(("epsilon", "share", "steps"), [(10.0, 0.16, 200), (1.0, 0.05, 50)])
def test_the_noise_reaches_what_was_asked_for_and_both_agree(
    epsilon: float, share: float, steps: int
) -> None:
    noise = noise_for(epsilon, 1e-3, share, steps)
    ours, theirs = spent(Mechanism(noise, share, steps), 1e-3)
    assert epsilon * 0.97 < ours <= epsilon + EXACT
    assert abs(ours - theirs) <= EXACT * ours


def test_accountants_that_differ_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    from dp_accounting.pld import PLDAccountant

    right = PLDAccountant.get_epsilon
    monkeypatch.setattr(PLDAccountant, "get_epsilon", lambda self, delta: 1.02 * right(self, delta))
    with pytest.raises(StoreFailed, match="differ"):
        spent(Mechanism(5.0, 1.0, 20), 1e-3)


@pytest.mark.parametrize(
    ("epsilon", "delta", "share"), [(0.0, 1e-3, 0.1), (1e6, 1e-3, 0.1), (1, 0, 0.1), (1, 0.1, 2)]
)
def test_numbers_out_of_range_are_refused(epsilon: float, delta: float, share: float) -> None:
    with pytest.raises(InputRefused, match="must lie"):
        noise_for(epsilon, delta, share, 10)


def test_without_the_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(InputRefused, match="pip install"):
        accounting.spent(Mechanism(5.0, 1.0, 20), 1e-3)
