"""Agreement small enough to count by hand, and where there is none: never a number that is not defined."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medsynth_desktop.studies.statistics.agreement import measure_agreement, measure_repeats
from medsynth_desktop.studies.statistics.distributions import at_least_by_all, distributions
from medsynth_desktop.studies.statistics.estimate import Estimate
from medsynth_desktop.studies.statistics.gwet import gwet_ac, raw_agreement
from medsynth_desktop.studies.statistics.intraclass import intraclass
from medsynth_desktop.studies.statistics.kappa import pairwise_kappa, weighted_kappa
from medsynth_desktop.studies.statistics.krippendorff import krippendorff_alpha
from medsynth_desktop.studies.statistics.shares import clustered_share
from tests.studies.simulated import EVEN, ratings

NAN = float("nan")


def dice(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_distribution_counts_options_and_c_or_better() -> None:
    """The published reader A: 189 of 200 at C or better."""
    row = np.repeat([1.0, 2, 3, 4, NAN], [4, 7, 100, 89, 3])
    made = distributions(row[None], 4)[0]
    assert (made.counts, made.answered, made.missing) == ((4, 7, 100, 89), 200, 3)
    assert made.count_at_least(3) == 189
    assert made.at_least(3).words(3) == "0.945 (0.904 to 0.969)"
    assert made.median == 3
    assert sum(s.value for s in made.shares) == pytest.approx(1)


def test_nothing_answered_has_no_share() -> None:
    made = distributions(np.full((1, 4), NAN), 4)[0]
    assert not made.at_least(3).defined
    assert math.isnan(made.median)
    assert not at_least_by_all(np.full((2, 4), NAN), 4, 3).defined


def test_answers_of_one_case_are_no_more_than_one_where_readers_always_agree() -> None:
    """Three readers that copy each other tell no more than one of them."""
    row = np.repeat([2.0, 3.0], [10, 30])
    three, one = at_least_by_all(np.tile(row, (3, 1)), 4, 3), distributions(row[None], 4)[0].at_least(3)
    assert (three.value, three.low, three.high) == pytest.approx((one.value, one.low, one.high))


def test_unequal_clusters_weigh_by_their_answers() -> None:
    made = clustered_share(np.array([3, 0, 1]), np.array([3, 1, 0 + 1]))
    assert made.value == 4 / 5
    assert 0 < made.low < 0.8 < made.high < 1


def test_raw_agreement_of_two_is_a_share() -> None:
    both = np.array([[1.0, 2, 3, 4], [1, 2, 3, 3]])
    made = raw_agreement(both, 4)
    assert made.value == 0.75
    assert (made.low, made.high) == pytest.approx((0.3006, 0.9544), abs=1e-4)  # Wilson's of 3 of 4


def test_same_answers_throughout_have_no_kappa_and_no_alpha() -> None:
    made = measure_agreement(np.full((3, 20), 4.0), 4)
    for lost in (made.kappa_linear, made.kappa_quadratic, made.alpha, *made.intraclass.values()):
        assert not lost.defined
        assert lost.undefined
        assert lost.facts()["value"] is None
        assert "not defined" in lost.words()
    assert made.raw.value == made.ac1.value == made.ac2.value == 1
    assert made.raw.low == pytest.approx(0.8389, abs=1e-4)  # Wilson's of 20 of 20
    assert made.ac1.low == made.raw.low  # agreement by chance is 0 here


def test_complete_agreement_is_not_certain() -> None:
    """All agree and options vary: every coefficient is 1, and none claims [1, 1]."""
    row = np.tile([1.0, 2, 3, 4], 5)
    made = measure_agreement(np.stack([row, row, row]), 4)
    for one in (made.raw, made.kappa_linear, made.kappa_quadratic, made.alpha, made.ac1, made.ac2):
        assert one.value == pytest.approx(1)
        assert 0 < one.low < 0.9
        assert one.high == 1
    assert all(icc.value == 1 and math.isnan(icc.low) for icc in made.intraclass.values())


def test_top_heavy_answers_part_kappa_from_ac() -> None:
    """The paradox that is the reason to report both: 28 of 30 agree, kappa is below 0 and AC1 near 1."""
    both = np.array([[4.0] * 29 + [3.0], [4.0] * 28 + [3.0, 4.0]])
    made = measure_agreement(both, 4)
    assert made.raw.value == 28 / 30
    assert made.kappa_quadratic.value < 0
    assert made.ac1.value > 0.9


def test_one_reader_cannot_agree() -> None:
    made = measure_agreement(np.array([[1.0, 2, 3]]), 4)
    for lost in (made.raw, made.kappa_linear, made.alpha, made.ac1, made.ac2, *made.intraclass.values()):
        assert not lost.defined


def test_no_case_read_by_two() -> None:
    apart = np.array([[1.0, 2, NAN, NAN], [NAN, NAN, 3, 4]])
    made = measure_agreement(apart, 4)
    for lost in (made.raw, made.kappa_linear, made.alpha, made.ac1, made.ac2, *made.intraclass.values()):
        assert "two readers" in lost.undefined or "all readers" in lost.undefined


def test_missing_answers_are_left_out_pair_by_pair() -> None:
    table = np.array([[1.0, 2, 3, NAN, 4], [1, 2, NAN, 4, 4], [NAN, 2, 3, 4, 1]])
    pairs = pairwise_kappa(table, 4)
    assert {pair: k.cases for pair, k in pairs.items()} == {(0, 1): 3, (0, 2): 3, (1, 2): 3}
    assert weighted_kappa(table, 4).value == pytest.approx(np.mean([k.value for k in pairs.values()]))
    assert intraclass(table)["ICC(2,1)"].cases == 2


def test_two_options_make_all_weightings_one() -> None:
    table = ratings(dice(3), 2, 30, EVEN)
    table = np.where(table > 2, 2.0, 1.0)
    values = {
        round(weighted_kappa(table, 2, w).value, 12) for w in ("identity", "linear", "quadratic", "ordinal")
    }
    levels = {
        round(krippendorff_alpha(table, 2, level).value, 12) for level in ("nominal", "ordinal", "interval")
    }
    assert len(values) == len(levels) == 1


@pytest.mark.parametrize(
    "bad", [np.array([[0.0, 1]]), np.array([[1.5, 2]]), np.array([[5.0, 1]]), np.array([1.0, 2])]
)
def test_what_is_no_rating_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="ratings must"):
        raw_agreement(bad, 4)


def test_repeats_compare_readers_with_themselves() -> None:
    first = np.array([[1.0, 2, 3, 4, NAN], [4, 4, 4, 4, 4]])
    second = np.array([[1.0, 2, 3, 3, 2], [4, 4, NAN, 4, 4]])
    made = measure_repeats(first, second, 4)
    assert [reader.raw.value for reader in made.readers] == [0.75, 1.0]
    assert [reader.raw.cases for reader in made.readers] == [4, 4]
    assert made.raw.value == 7 / 8
    assert made.raw.cases == 5  # the clusters
    assert made.ac2.value > 0.9


def test_readers_who_saw_nothing_twice_are_told_so() -> None:
    first = np.array([[1.0, 2, 3], [4, 4, 4]])
    made = measure_repeats(first, np.full((2, 3), NAN), 4)
    one = measure_repeats(first, np.array([[1.0, 2, 2], [NAN, NAN, NAN]]), 4)
    assert one.readers[0].raw.value == pytest.approx(2 / 3)
    assert one.raw.value == pytest.approx(2 / 3)
    for lost in (made.raw, made.ac2, *(r.raw for r in made.readers), one.readers[1].kappa_quadratic):
        assert lost.words() == "not defined: no case was answered twice"


def test_the_mean_of_readers_who_contradict_each_other_lies_in_its_interval() -> None:
    """ICC(.,k) can lie below -1."""
    found = intraclass(np.array([[3.0, 2, 4], [3, 3, 2]]))
    assert found["ICC(3,k)"].value < -1
    for icc in found.values():
        assert icc.low <= icc.value <= icc.high


def test_readers_who_tell_no_case_from_another_have_no_intraclass_correlation() -> None:
    for icc in intraclass(np.array([[3.0] * 10, [4.0] * 10])).values():
        assert icc.words() == (
            "not defined: each reader gave every case the same score, so nothing tells the cases apart"
        )


def test_cases_of_one_mean_have_no_interval() -> None:
    """F is nothing at all: (0 - WMS) / (0 + WMS) of two readers, and the mean of them runs below every bound."""
    found = intraclass(np.array([[1.0, 2, 3], [3, 2, 1]]))
    for form in ("ICC(1,1)", "ICC(3,1)"):
        assert found[form].words().startswith("-1.00 (no interval: all cases have the same mean score")
    for form in ("ICC(1,k)", "ICC(3,k)"):
        assert found[form].words().startswith("not defined: all cases have the same mean score")


def test_clusters_widen_what_repeats_narrow() -> None:
    """A study written down twice knows no more: clustered, the error is that of one copy."""
    table = ratings(dice(4), 2, 30, EVEN)
    once = gwet_ac(table, 4)
    twice = gwet_ac(np.tile(table, 2), 4, clusters=np.tile(np.arange(30), 2))
    assert twice.value == pytest.approx(once.value)
    assert twice.error == pytest.approx(once.error)
    assert gwet_ac(np.tile(table, 2), 4).error < 0.75 * once.error


def test_words_and_facts() -> None:
    assert Estimate(0.5, 0.25, 0.75, "m", 4).words() == "0.50 (0.25 to 0.75)"
    assert Estimate(0.5, 0.25, 0.75, "m", 4).facts()["error"] is None


@pytest.mark.parametrize(
    "answers", [[[1, 2], [2, 1]], [[1, 4], [4, 1]], [[1, 2, 3], [3, 2, 1]], [[1, 1], [2, 2]]]
)
def test_ratings_that_cross_have_no_impossible_intraclass_correlation(answers: list[list[int]]) -> None:
    for icc in measure_agreement(np.array(answers, float), 4).intraclass.values():
        assert not icc.defined or icc.value <= 1
        assert not icc.words().endswith(": ")
