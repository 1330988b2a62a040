"""Truth tables small enough to check by hand, and that one image and ten thousand are judged alike."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynth_desktop.core.records import Nearest, Neighbour, Policy, Threshold
from medsynth_desktop.guard.order import riskiest_first
from medsynth_desktop.guard.policy import make_policy, with_threshold
from medsynth_desktop.guard.verdicts import VERDICTS, judge, judge_many, metrics_table

NAN = math.nan


def nearest(correlation: float, rmse: float = 0.5, ratio: float = 0.95, id_: str = "S-1") -> Nearest:
    return Nearest(id_, (Neighbour("P-0042-1", "P-0042", rmse, correlation),), ratio)


@pytest.fixture
def policy() -> Policy:
    return make_policy(
        "c",
        [
            Threshold("correlation", 0.88, 0.912, interval=(0.88, 0.93), n=36, quantile=0.983),
            Threshold("rmse", 0.12, 0.1, interval=(0.09, 0.12), n=36, quantile=0.983),
            Threshold("lowe_ratio", 0.9, 0.87, interval=(0.86, 0.9), n=36, quantile=0.983),
        ],
    )


TABLE = [
    # correlation, rmse, ratio -> verdict, words that a reason must hold
    (
        0.80,
        0.5,
        0.95,
        "pass",
        ["Within every limit", "correlation 0.800 (limit 0.880)", "RMSE 0.500", "Lowe's ratio"],
    ),
    (0.88, 0.12, 0.90, "pass", ["Within every limit"]),
    (
        0.90,
        0.5,
        0.95,
        "review",
        ["Correlation 0.900 with P-0042-1 lies between 0.880 and 0.912", "36 unseen"],
    ),
    (0.912, 0.5, 0.95, "review", ["Correlation"]),
    (
        0.997,
        0.5,
        0.95,
        "block",
        ["Correlation 0.997 with P-0042-1 is beyond 0.912, which 98.3% of 36 unseen images"],
    ),
    (0.80, 0.11, 0.95, "review", ["RMSE 0.110 with P-0042-1 lies between 0.120 and 0.100"]),
    (
        0.80,
        0.09,
        0.95,
        "block",
        ["RMSE 0.090 with P-0042-1 is beyond 0.100, which 98.3% of 36 unseen images stay above"],
    ),
    (0.80, 0.5, 0.88, "review", ["Lowe's ratio 0.880"]),
    (0.80, 0.5, 0.70, "block", ["Lowe's ratio 0.700 with P-0042-1 is beyond 0.870"]),
    (
        0.80,
        0.5,
        NAN,
        "review",
        ["Lowe's ratio is not defined because there is no other patient", "a person must look"],
    ),
    (NAN, 0.5, 0.95, "review", ["Correlation is not defined"]),
    (0.80, 0.09, NAN, "block", ["RMSE 0.090", "Lowe's ratio is not defined"]),
    (1.0, 0.0, 0.95, "block", ["It is a copy of P-0042-1"]),
    (-0.3, 0.9, 2.0, "pass", ["Within every limit"]),
]


@pytest.mark.parametrize(("correlation", "rmse", "ratio", "verdict", "words"), TABLE)
def test_truth_table(policy: Policy, correlation, rmse, ratio, verdict: str, words: list[str]) -> None:
    found = judge(nearest(correlation, rmse, ratio), policy)
    assert found.verdict == verdict
    assert found.policy_hash == policy.hash
    text = " ".join(found.reasons)
    for word in words:
        assert word in text
    assert all(reason.endswith(".") for reason in found.reasons)
    assert found.metrics == pytest.approx(
        {"correlation": correlation, "rmse": rmse, "lowe_ratio": ratio}, nan_ok=True
    )


@pytest.mark.parametrize(
    ("correlation", "rmse"), [(1.0, 0.0), (0.9999999, 0.01), (0.999, 0.0009), (1.0, 0.7), (0.5, 0.0)]
)
@pytest.mark.parametrize(
    "thresholds",
    [
        [],
        [Threshold("correlation", 1.0, 1.0)],
        [
            Threshold("correlation", 5.0, 5.0),
            Threshold("rmse", -1.0, -1.0),
            Threshold("lowe_ratio", -9.0, -9.0),
        ],
    ],
    ids=["none", "useless", "absurd"],
)
def test_a_copy_is_blocked_whatever_the_thresholds(thresholds, correlation: float, rmse: float) -> None:
    found = judge(nearest(correlation, rmse, 1.0), make_policy("c", thresholds))
    assert found.verdict == "block"
    assert found.reasons[0].startswith("It is a copy of P-0042-1 (")


def test_nothing_passes_without_limits_or_with_limits_nobody_can_check(policy: Policy) -> None:
    assert judge(nearest(0.1), make_policy("c", [])).verdict == "review"
    assert judge_many({"correlation": np.array([0.1])}, make_policy("c", [])).tolist() == [1]
    foreign = make_policy("c", [Threshold("embedding", 0.1, 0.2)])
    found = judge(nearest(0.1), foreign)
    assert found.verdict == "review"
    assert "no such metric is installed" in found.reasons[0]
    assert judge_many({"correlation": np.array([0.1])}, foreign).tolist() == [1]
    assert judge_many({"correlation": np.array([0.1])}, policy).tolist() == [1], "metrics that are missing"


def test_a_typed_limit_names_who_and_why(policy: Policy) -> None:
    typed = with_threshold(policy, "correlation", 0.5, 0.6, "Dr Ahn", "the ethics board asked for it")
    reasons = judge(nearest(0.7), typed).reasons
    assert reasons == (
        "Correlation 0.700 with P-0042-1 is beyond 0.600, the limit set by Dr Ahn (the ethics board asked for it).",
    )
    assert "set by hand" in judge(nearest(0.55), typed).reasons[0]


def test_smallest_rmse_of_an_unlisted_image_counts(policy: Policy) -> None:
    found = Nearest(
        "S-1", (Neighbour("P-0001-1", "P-0001", 0.4, 0.7),), 0.95, {"correlation": 0.7, "rmse": 0.0}
    )
    assert judge(found, policy).reasons[0].startswith("It is a copy of a real image (")


VALUES = st.one_of(
    st.floats(-1, 1), st.sampled_from([0.88, 0.912, 0.9, 0.87, 0.1, 0.12, 0.0, 1.0, 1 - 1e-6, 1e-3, NAN])
)


@given(st.lists(st.tuples(VALUES, VALUES.map(abs), VALUES), min_size=1, max_size=30))
def test_judge_many_agrees_with_judge(rows) -> None:
    policy = make_policy(
        "c",
        [
            Threshold("correlation", 0.88, 0.912),
            Threshold("rmse", 0.12, 0.1),
            Threshold("lowe_ratio", 0.9, 0.87),
        ],
    )
    found = [nearest(c, e, r) for c, e, r in rows]
    one_by_one = [VERDICTS.index(judge(n, policy).verdict) for n in found]
    table = metrics_table(found)
    assert judge_many(table, policy).tolist() == one_by_one
    keys = list(table)
    assert judge_many(np.column_stack([table[k] for k in keys]), policy, keys).tolist() == one_by_one
    in_policy_order = np.column_stack([table[t.metric] for t in policy.thresholds])
    assert judge_many(in_policy_order, policy).tolist() == one_by_one


@given(st.floats(-1, 1), st.floats(-1, 1), VALUES)
def test_a_riskier_value_never_gets_a_milder_verdict(one: float, two: float, ratio: float) -> None:
    policy = make_policy("c", [Threshold("correlation", 0.3, 0.6), Threshold("lowe_ratio", 0.9, 0.87)])
    codes = judge_many({"correlation": np.array(sorted([one, two])), "lowe_ratio": np.full(2, ratio)}, policy)
    assert codes[0] <= codes[1]


def test_riskiest_first(policy: Policy) -> None:
    found = [
        judge(nearest(c, e, r, id_), policy)
        for id_, c, e, r in [
            ("pass", 0.5, 0.5, 0.95),
            ("review", 0.9, 0.5, 0.95),
            ("blocked by ratio", 0.7, 0.5, 0.5),
            ("copy", 1.0, 0.0, 0.5),
            ("undefined", NAN, 0.5, 0.95),
            ("pass too", 0.6, 0.5, 0.95),
        ]
    ]
    order = ["copy", "blocked by ratio", "undefined", "review", "pass too", "pass"]
    assert [found[i].id for i in riskiest_first(found)] == order
    back = found[::-1]
    assert [back[i].id for i in riskiest_first(back)] == order
    assert riskiest_first([]) == []


def test_empty_batch(policy: Policy) -> None:
    assert judge_many(metrics_table([]), policy).shape == (0,)
    assert judge_many(np.zeros((0, 3)), policy).dtype == np.int8
