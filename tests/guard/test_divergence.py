from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from medsynth_desktop.guard import divergence
from medsynth_desktop.guard.divergence import js_divergence, measure_divergence

NUMBERS = st.lists(st.floats(-1, 1), min_size=1, max_size=60).map(np.array)


@pytest.mark.parametrize(
    ("one", "two", "value"),
    [
        ([0, 0, 1, 1], [0, 0, 1, 1], 0.0),
        ([0.0, 0.1], [0.9, 1.0], 1.0),
        ([0.5], [0.5], 0.0),
        # P = (1/2, 1/2), Q = (1, 0): M = (3/4, 1/4); KL(P, M) = 0.2075, KL(Q, M) = 0.4150
        ([0.0, 1.0], [0.0, 0.0], 0.3112781),
    ],
)
def test_by_hand(one, two, value: float) -> None:
    assert js_divergence(np.array(one, float), np.array(two, float), bins=2) == pytest.approx(value, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(NUMBERS, NUMBERS, st.integers(1, 20))
def test_is_symmetric_bounded_and_scipys(one: np.ndarray, two: np.ndarray, bins: int) -> None:
    found = measure_divergence(one, two, np.random.default_rng(0), bins)
    assert 0 <= found.value <= 1
    assert js_divergence(two, one, bins) == pytest.approx(found.value, abs=1e-12)
    assert jensenshannon(found.batch, found.unseen, 2) ** 2 == pytest.approx(
        found.value, abs=1e-9, nan_ok=True
    )
    assert sum(found.batch) == pytest.approx(1)
    assert len(found.edges) == bins + 1


def test_undefined_numbers_are_left_out_and_an_empty_side_is_not_defined() -> None:
    one = np.array([0.1, math.nan, 0.5, math.inf])
    found = measure_divergence(one, np.array([0.2, 0.3]), np.random.default_rng(0))
    assert found.counts == (2, 2)
    assert not found.trusted
    assert math.isnan(js_divergence(np.array([math.nan]), np.array([0.2])))
    assert math.isnan(measure_divergence(np.array([]), np.array([0.2]), np.random.default_rng(0)).expected)


def test_expected_is_what_equal_distributions_reach() -> None:
    rng = np.random.default_rng(3)
    same = [measure_divergence(rng.normal(size=40), rng.normal(size=40), rng) for _ in range(10)]
    mean, expected = np.mean([s.value for s in same]), np.mean([s.expected for s in same])
    assert mean == pytest.approx(expected, rel=0.4)
    apart = measure_divergence(rng.normal(size=40), rng.normal(2, 1, size=40), rng)
    assert apart.value > 3 * apart.expected


def test_the_interval_holds_what_other_draws_give(monkeypatch: pytest.MonkeyPatch) -> None:
    """95% intervals from 60 pairs of samples: at least 85% of them hold the mean divergence of such samples."""
    monkeypatch.setattr(divergence, "PERMUTATIONS", 2)  # not what is asked here
    rng = np.random.default_rng(5)

    def draw(apart: float) -> tuple[np.ndarray, np.ndarray]:
        return rng.normal(apart, 1, 80), rng.normal(size=80)

    for apart in (0.0, 0.7, 2.0):
        truth = np.mean([js_divergence(*draw(apart)) for _ in range(400)])
        found = [measure_divergence(*draw(apart), rng) for _ in range(60)]
        assert all(f.interval[0] <= f.value <= f.interval[1] for f in found)
        assert sum(f.interval[0] <= truth <= f.interval[1] for f in found) >= 51
        assert all(f.trusted for f in found)


def test_scans_of_one_patient_widen_the_interval() -> None:
    """12 patients with 10 equal scans each know as little as 12, not as 120 patients."""
    rng = np.random.default_rng(6)
    batch, centres = rng.normal(size=200), rng.normal(size=12)
    unseen = np.repeat(centres, 10)
    names = [f"P-{i // 10}" for i in range(120)]

    def width(patients: list[str] | None) -> float:
        low, high = measure_divergence(batch, unseen, np.random.default_rng(0), patients=patients).interval
        return high - low

    assert width(names) > 1.5 * width(None)


def test_too_few_values_or_patients_are_told() -> None:
    values, rng = np.linspace(0, 1, 30), np.random.default_rng(0)
    assert measure_divergence(values, values, rng).distrust == ""
    assert "rests on very few values" in measure_divergence(values[:19], values, rng).distrust
    few = measure_divergence(values, values, rng, patients=["P-1", "P-2", "P-3"] * 10)
    assert few.patients == 3
    assert few.distrust.startswith("With 3 unseen patients this number cannot be trusted")
