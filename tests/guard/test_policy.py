from __future__ import annotations

import math

import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import Threshold
from medsynth_desktop.guard.policy import make_policy, out_of_reach, threshold_of, with_threshold

CORRELATION = Threshold("correlation", 0.8, 0.9, interval=(0.8, 0.95), n=36, quantile=0.983)
RMSE = Threshold("rmse", 0.2, 0.1)


def test_hash_names_the_numbers_and_the_cohort_only() -> None:
    policy = make_policy("c", [CORRELATION, RMSE])
    assert make_policy("c", [RMSE, CORRELATION]) == policy
    assert make_policy("d", [CORRELATION, RMSE]).hash != policy.hash
    assert make_policy("c", [CORRELATION]).hash != policy.hash
    assert len(policy.hash) == 64


def test_typed_threshold_replaces_and_says_so() -> None:
    policy = make_policy("c", [CORRELATION, RMSE])
    typed = with_threshold(policy, "correlation", 0.7, 0.8, "Dr Ahn", "smaller cohort")
    threshold = threshold_of(typed, "correlation")
    assert threshold == Threshold("correlation", 0.7, 0.8, "typed", who="Dr Ahn", why="smaller cohort")
    assert threshold_of(typed, "rmse") == RMSE
    assert threshold_of(typed, "lowe_ratio") is None
    assert typed.hash != policy.hash
    assert threshold_of(with_threshold(typed, "lowe_ratio", 0.9, 0.8, "a", "b"), "lowe_ratio").block == 0.8


@pytest.mark.parametrize(
    ("metric", "review", "block", "words"),
    [
        ("correlation", 0.9, 0.8, "at most"),
        ("rmse", 0.1, 0.2, "at least"),
        ("correlation", math.nan, 0.8, "finite"),
        ("rmse", 0.2, -math.inf, "finite"),
        ("vgg", 0.1, 0.2, "no metric"),
    ],
)
def test_refuses_senseless_limits(metric: str, review: float, block: float, words: str) -> None:
    with pytest.raises(InputRefused, match=words):
        with_threshold(make_policy("c", []), metric, review, block, "a", "b")


def test_refuses_two_thresholds_on_one_metric() -> None:
    with pytest.raises(InputRefused, match="one threshold"):
        make_policy("c", [RMSE, RMSE])


@pytest.mark.parametrize(
    ("metric", "block", "said"),
    [
        ("correlation", 3.0, "The block limit of Correlation, 3, lies beyond 1"),
        ("rmse", -0.1, "The block limit of RMSE, -0.1, lies beyond 0"),
        ("correlation", 1.0, ""),
        ("correlation", -1.0, ""),
        ("rmse", 0.0, ""),
        ("rmse", 50.0, ""),
    ],
)
def test_a_limit_that_nothing_can_reach_is_told(metric: str, block: float, said: str) -> None:
    policy = with_threshold(make_policy("c", []), metric, block, block, who="A", why="b")
    assert " ".join(out_of_reach(policy)).startswith(said)
    assert bool(out_of_reach(policy)) == bool(said)
