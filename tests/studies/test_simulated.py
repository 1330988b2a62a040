"""Simulated studies: the intervals hold the true values about as often as they say.

Of 400 studies an interval of 95% holds the truth in 372 to 388 (93 to 97%) two times in three; the bounds here leave
three standard errors and the known optimism of small studies. `bench_reader_studies` has the rates of thousands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from medsynth_desktop.studies.statistics.comparison import compare_kinds
from medsynth_desktop.studies.statistics.estimate import Estimate
from medsynth_desktop.studies.statistics.multireader import obuchowski_rockette, two_way_bootstrap
from medsynth_desktop.studies.statistics.ordinal_mixed import ordinal_difference
from medsynth_desktop.studies.statistics.recognition import area_by_reader
from medsynth_desktop.studies.statistics.roc import empirical_auc
from tests.studies.simulated import (
    AGREEMENT,
    EVEN,
    TOP_HEAVY,
    coverage,
    icc,
    normal_scores,
    ratings,
    recognised,
    true_agreement,
    true_area,
    two_kinds,
)

STUDIES = 400


@pytest.mark.parametrize("name", sorted(AGREEMENT))
@pytest.mark.parametrize(("cuts", "least"), [(EVEN, 0.92), (TOP_HEAVY, 0.89)], ids=["even", "top-heavy"])
def test_agreement(name: str, cuts: Sequence[float], least: float) -> None:
    generator, measure = np.random.default_rng(11), AGREEMENT[name]
    truth = true_agreement(measure, 3, cuts)
    made = coverage(lambda: measure(ratings(generator, 3, 40, cuts)), truth, STUDIES)
    assert made.studies >= 0.99 * STUDIES
    assert least <= made.held <= 0.99


def test_intraclass() -> None:
    generator = np.random.default_rng(12)
    made = coverage(lambda: icc(normal_scores(generator, 4, 40)), 0.5, STUDIES)
    assert 0.92 <= made.held <= 0.98


def test_area_of_one_reader() -> None:
    generator = np.random.default_rng(13)

    def one() -> tuple[np.ndarray, np.ndarray]:
        score, truth = recognised(generator, 1, 40, 0.0)
        return score[0, truth], score[0, ~truth]

    made = coverage(lambda: empirical_auc(*one()), true_area(0.0), STUDIES)
    assert 0.92 <= made.held <= 0.98


@pytest.mark.parametrize(("readers", "least"), [(3, 0.84), (6, 0.9)])
def test_mean_area_of_other_readers_and_cases(readers: int, least: float) -> None:
    """The analysis of variance holds with three readers that differ much; the bootstrap needs more of them."""
    generator, truth = np.random.default_rng(14), true_area(0.5)

    def draw(bootstrap: bool) -> Estimate:
        score, kinds = recognised(generator, readers, 40, 0.5)
        by_reader = area_by_reader(score, kinds)
        return (
            two_way_bootstrap(by_reader, kinds, generator, 300)
            if bootstrap
            else obuchowski_rockette(by_reader, kinds)
        )

    analytic = coverage(lambda: draw(False), truth, STUDIES)
    drawn = coverage(lambda: draw(True), truth, STUDIES // 2)
    assert 0.91 <= analytic.held <= 0.99
    assert least <= drawn.held <= 0.99


def test_ordinal_mixed_model() -> None:
    generator = np.random.default_rng(15)
    made = coverage(lambda: ordinal_difference(*_shuffled(generator, -1.0)).log_odds, -1.0, 60)
    assert made.studies >= 57
    assert made.held >= 0.88


def test_no_difference_is_found_as_often_as_chance_allows() -> None:
    generator = np.random.default_rng(16)
    found = [
        compare_kinds(*two_kinds(generator, 2, 40, 0.0), generator, 10).cases.p_value < 0.05
        for _ in range(300)
    ]
    assert np.mean(found) <= 0.08


def _shuffled(generator: np.random.Generator, effect: float) -> tuple[np.ndarray, int, np.ndarray]:
    table, truth = two_kinds(generator, 3, 40, effect)
    return table, 4, truth
