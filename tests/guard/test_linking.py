"""Shares and their Wilson intervals by hand, what they say, and how alike a batch is within itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import Threshold
from medsynth_desktop.core.wilson import wilson_interval
from medsynth_desktop.guard.linking import LinkRisk
from medsynth_desktop.guard.policy import make_policy
from medsynth_desktop.guard.unlike import only_standing_out
from medsynth_desktop.guard.within import WithinBatch, compare_within


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    # z^2 = 3.841459. 0 of 10: z^2 / 13.841459; 5 of 10: 1/2 +- z sqrt(1/40 + z^2/400) / 1.3841459
    [(0, 10, 0.0, 0.2775328), (10, 10, 0.7224672, 1.0), (5, 10, 0.2365931, 0.7634069), (0, 0, 0.0, 1.0)],
)
def test_wilson_by_hand(hits: int, total: int, low: float, high: float) -> None:
    assert wilson_interval(hits, total) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(
    ("share", "total", "low", "high"),
    # statsmodels.stats.proportion.proportion_confint(share total, total, method="wilson")
    [
        (0.9, 10, 0.595850, 0.982124),
        (1.0, 36, 0.903581, 1.0),
        (0.0, 4, 0.0, 0.489890),
        (0.5, 2, 0.094531, 0.905469),
    ],
)
def test_wilson_is_statsmodels(share: float, total: int, low: float, high: float) -> None:
    assert wilson_interval(share * total, total) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(("hits", "total"), [(1, 7), (30, 40), (199, 200), (3, 1000)])
def test_wilson_is_scipys(hits: int, total: int) -> None:
    found = binomtest(hits, total).proportion_ci(method="wilson")
    assert wilson_interval(hits, total) == pytest.approx((found.low, found.high), abs=1e-12)


def test_wilson_refuses_what_is_no_count() -> None:
    with pytest.raises(ValueError, match="got 3 of 2"):
        wilson_interval(3, 2)


def test_link_risk_in_numbers_and_words() -> None:
    # 30 of 40: Wilson 0.598 to 0.858; of 100 unseen 5: 0.022 to 0.112
    risk = LinkRisk(30, 40, 8, 0.05, 100)
    assert risk.interval == pytest.approx(wilson_interval(30, 40))
    assert risk.more_than_innocent
    first, second, third = risk.sentences()
    assert first.startswith("30 of 40 images (75%) may link to a patient")
    assert "between 60% and 86% would" in first
    assert "clearly more often than that: this is no chance" in second
    assert "0 of 8" in third
    assert "up to 32%" in third  # 3.841459 / 11.841459
    # 3 of 40: 0.026 to 0.199 touches 0.022 to 0.112
    assert not LinkRisk(3, 40, 37, 0.05, 100).more_than_innocent
    assert not LinkRisk(40, 40, 0).more_than_innocent  # nothing is known of unseen patients
    assert LinkRisk(0, 0, 0).sentences() == ()
    assert LinkRisk(0, 0, 0).to_json()["share"] is None


def images(count: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, 6, 6, 6)).astype(np.float32)


def test_within_a_batch_copies_and_near_copies_are_told_apart() -> None:
    one, two, three, four = images(4)
    near = np.float32(0.95) * one + np.float32(0.05) * two
    found = drain(compare_within([("b", one), ("a", one), ("c", near), ("d", three), ("e", four)], limit=0.9))
    assert found.duplicates == (("a", "b"),)
    assert found.near == 3
    assert found.highest[2] == pytest.approx(np.corrcoef(near.ravel(), one.ravel())[0, 1], abs=1e-9)
    assert found.median == pytest.approx(sorted(found.highest)[2])
    assert found.sentence().startswith("1 pair of images is a copy of each other; half of the 5")
    assert found.to_json()["near_duplicates"] == 3


def test_within_needs_two() -> None:
    alone = drain(compare_within([("a", images(1)[0])]))
    assert alone == WithinBatch(limit=alone.limit)
    assert math.isnan(alone.median)
    assert alone.sentence() == ""
    assert alone.to_json()["median_correlation"] is None


def test_what_stands_out_among_faint_likenesses_links_to_nobody() -> None:
    # Unseen patients reach 0.6 to 0.9. Blocked are all rows but the last.
    policy = make_policy(
        "c",
        [Threshold("correlation", 0.9, 0.9), Threshold("lowe_ratio", 0.9, 0.9), Threshold("part", 0.5, 0.5)],
    )
    rows = [
        # correlation, ratio, part: is it a stray?
        (0.07, 0.78, 0.1, True),
        (0.07, 0.78, 0.6, False),  # a copy in part
        (0.65, 0.78, 0.1, False),  # as alike as unseen patients are, and one stands out
        (0.95, 0.78, 0.1, False),  # too near anyway
        (0.07, 0.95, 0.1, False),  # passes
    ]
    columns = np.array([row[:3] for row in rows]).T
    values = dict(zip(("correlation", "lowe_ratio", "part"), columns, strict=True))
    unseen = np.array([0.6, 0.9, math.nan])
    assert only_standing_out(values, policy, unseen).tolist() == [row[3] for row in rows]
    assert not only_standing_out(values, policy, np.array([])).any()  # nothing is known of unseen patients


def test_strays_are_told_and_are_no_links() -> None:
    risk = LinkRisk(0, 20, 6, 0.05, 100, strays=10)
    assert not risk.more_than_innocent
    assert "10 more are blocked by Lowe's ratio alone" in risk.sentences()[1]
    assert risk.to_json()["strays"] == 10
