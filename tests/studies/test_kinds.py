"""Real or synthetic in studies small enough to count by hand, time per case, and what cannot be said."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from medsynth_desktop.studies.statistics.agreement import measure_agreement, measure_repeats
from medsynth_desktop.studies.statistics.comparison import compare_kinds, mann_whitney
from medsynth_desktop.studies.statistics.multireader import obuchowski_rockette
from medsynth_desktop.studies.statistics.ordinal_mixed import ordinal_difference
from medsynth_desktop.studies.statistics.recognition import (
    mean_by_reader,
    measure_recognition,
    signed_confidence,
)
from medsynth_desktop.studies.statistics.roc import empirical_auc, newcombe_interval
from medsynth_desktop.studies.statistics.times import case_times, reader_times
from tests.studies.simulated import EVEN, ratings

NAN = float("nan")


def dice(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_recognition_by_hand() -> None:
    """Four synthetic, two real: three right of four, one right of two."""
    called = np.array([[1.0, 1, 1, 0, 0, 1], [1, NAN, 1, 1, 0, 0]])
    confidence = np.array([[3.0, 2, 1, 1, 2, 1], [1, NAN, 1, 1, 1, 1]])
    truth = np.array([1, 1, 1, 1, 0, 0])
    score = signed_confidence(called, confidence)
    assert score[0].tolist() == [3, 2, 1, -1, -2, 1]
    made = measure_recognition(called, score, truth, dice(), 200)
    first, second = made.readers
    assert (first.accuracy.value, first.sensitivity.value, first.specificity.value) == (4 / 6, 3 / 4, 1 / 2)
    assert first.auc.value == 6.5 / 8  # 3 and 2 beat both; 1 beats -2 and ties 1; -1 beats -2
    assert (second.accuracy.value, second.accuracy.cases, second.auc.value) == (1.0, 5, 1.0)
    assert made.means["accuracy"].bootstrap.value == pytest.approx((4 / 6 + 1) / 2)
    assert "analysis of variance" in made.means["auc"].caution


def test_reader_who_knows_all_is_not_certain() -> None:
    made = empirical_auc(np.full(10, 2.0), np.full(10, 1.0))
    assert made.value == made.high == 1
    assert 0.6 < made.low < 0.9
    low, high = newcombe_interval(0.0, 10, 10)
    assert (low, high) == pytest.approx((0.0, 1 - made.low))


def test_all_readers_alike_show_no_spread() -> None:
    called = np.tile([1.0, 1, 1, 0, 0, 0], (3, 1))
    made = measure_recognition(called, called, np.array([1, 1, 1, 0, 0, 0]), dice(), 100)
    for mean in made.means.values():
        assert mean.bootstrap.value == mean.analytic.value == 1
        assert "no spread" in mean.bootstrap.words()
        assert "no spread" in mean.analytic.words()


def test_one_reader_speaks_for_himself() -> None:
    called = np.array([[1.0, 1, 0, 1, 0, 0, 1, 0]])
    made = measure_recognition(called, called, np.array([1, 1, 1, 1, 0, 0, 0, 0]), dice(), 200).means["auc"]
    assert made.bootstrap.method.endswith("clustered on cases")
    assert not math.isfinite(made.analytic.low)
    assert "this reader only" in made.caution


def test_one_kind_only_has_no_area_and_no_specificity() -> None:
    called = np.array([[1.0, 0, 1], [1, 1, 1]])
    made = measure_recognition(called, called, np.array([1, 1, 1]), dice(), 50)
    assert not made.readers[0].auc.defined
    assert not made.readers[0].specificity.defined
    assert not made.means["specificity"].bootstrap.defined
    assert made.readers[0].sensitivity.value == 2 / 3


def test_shared_spread_of_shares_is_the_covariance_of_cases() -> None:
    """Of complete shares the jackknife covariance of readers is the cases' covariance over their number."""
    right = (dice(5).random((4, 50)) < 0.7).astype(float)
    kinds = np.zeros(50, bool)
    covariance = np.cov(right) / 50
    spread, shared = right.mean(axis=1).var(ddof=1), covariance[~np.eye(4, dtype=bool)].mean()
    made = obuchowski_rockette(mean_by_reader(right), kinds)
    expected = max(spread / 4 + max(shared, 0), covariance.mean())
    assert made.error**2 == pytest.approx(expected)


def test_bootstrap_hangs_on_its_generator_only() -> None:
    called = (dice(6).random((3, 20)) < 0.5).astype(float)
    truth = np.arange(20) % 2
    once, again = (
        measure_recognition(called, called, truth, dice(7), 100).means["auc"].bootstrap for _ in "ab"
    )
    assert once == again


def test_ties_count_half() -> None:
    made = mann_whitney(np.array([1.0, 2, 2]), np.array([2.0, 3]))
    assert made.u == 0.5 * 2  # only the two 2s tie with the 2
    assert made.superiority.value == 1 / 6
    assert made.cliffs_delta.value == pytest.approx(-2 / 3)
    assert not made.exact


def test_all_the_same_is_no_difference_and_no_p_value() -> None:
    made = mann_whitney(np.full(5, 3.0), np.full(5, 3.0))
    assert made.superiority.value == 0.5
    assert math.isnan(made.p_value)


def test_cases_count_once() -> None:
    """Two readers who copy each other: the test of cases is that of one of them."""
    row = ratings(dice(8), 1, 30, EVEN)[0]
    truth = np.arange(30) % 3 == 0
    made = compare_kinds(np.stack([row, row]), truth, dice(), 50)
    assert made.cases.p_value == made.readers[0].p_value


def test_ordinal_model_says_what_it_cannot_say() -> None:
    truth = np.arange(20) % 2 == 0
    same = ordinal_difference(np.full((3, 20), 4.0), 4, truth)
    assert "same" in same.log_odds.undefined
    apart = ordinal_difference(np.where(truth, 1.0, 4.0)[None].repeat(3, axis=0), 4, truth)
    assert "do not overlap" in apart.log_odds.undefined
    assert math.isnan(apart.p_value)
    kinds = ordinal_difference(ratings(dice(), 3, 20, EVEN), 4, np.ones(20, bool))
    assert "only one kind" in kinds.log_odds.undefined
    assert "nothing" in ordinal_difference(np.full((2, 20), NAN), 4, truth).log_odds.undefined
    assert math.isnan(kinds.odds_ratio.value)


def test_ordinal_model_of_one_reader_has_no_random_intercepts() -> None:
    table = ratings(dice(9), 1, 40, EVEN)
    made = ordinal_difference(table, 4, np.arange(40) % 2 == 0)
    assert made.log_odds.defined
    assert math.isnan(made.case_deviation)
    assert made.odds_ratio.value == pytest.approx(math.exp(made.log_odds.value))


def test_ordinal_model_turns_round_with_the_kinds() -> None:
    table = ratings(dice(10), 3, 30, EVEN)
    truth = np.arange(30) % 2 == 0
    one, other = (ordinal_difference(table, 4, kind) for kind in (truth, ~truth))
    assert one.log_odds.value == pytest.approx(-other.log_odds.value, abs=1e-3)
    assert one.p_value == pytest.approx(other.p_value, abs=1e-4)
    assert 0 <= one.p_value <= 1


def test_times_by_hand() -> None:
    made = case_times(np.array([10.0, 20, 30, 40, 50, 60, 70, 80, NAN]))
    assert (made.median.value, made.lower_quartile, made.upper_quartile, made.total) == (45, 27.5, 62.5, 360)
    assert (made.median.low, made.median.high) == (
        10,
        80,
    )  # Conover: of 8 the ends bound the median with 99.2%
    assert "fewer than six" in case_times(np.array([1.0, 2])).median.words()
    assert not case_times(np.array([])).median.defined
    assert len(reader_times(np.ones((3, 7)))) == 3


def test_nothing_warns() -> None:
    """A warning inside a window's worker has frozen it before."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for table in (
            np.full((3, 8), 4.0),
            np.full((2, 3), NAN),
            np.ones((1, 1)),
            np.array([[1.0, 4], [1, 4]]),
        ):
            truth = np.arange(table.shape[1]) % 2 == 0
            measure_agreement(table, 4)
            measure_repeats(table, table, 4)
            compare_kinds(table, truth, dice(), 20)
            ordinal_difference(table, 4, truth)
            measure_recognition((table > 2) + 0.0, table, truth, dice(), 20)
