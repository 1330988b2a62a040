from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynth_desktop.core.records import Threshold
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.workbench import presenting as say

CORRELATION, RMSE = METRICS["correlation"], METRICS["rmse"]


def test_each_verdict_has_a_word_and_a_shape_of_its_own() -> None:
    assert [say.verdict_words(v) for v in say.VERDICTS] == ["Pass ●", "Review ▲", "Block ■"]
    assert say.verdict_words(None) == "Not checked"
    assert len(set(say.GLYPHS.values())) == 3


def test_counts_in_words() -> None:
    assert say.count_words({"pass": 1200, "block": 1}) == ("● 1,200 pass", "▲ 0 need a look", "■ 1 blocked")


@pytest.mark.parametrize(
    ("cohort", "batch", "samples", "checked", "hint"),
    [
        (None, None, 0, 0, "Cohort panel"),
        ("heads", None, 0, 0, "Sample panel"),
        ("heads", "b", 0, 0, "Sample panel"),
        ("heads", "b", 3, 0, "3 samples of b"),
        ("heads", "b", 3, 2, ""),
    ],
)
def test_what_is_missing_is_said_with_where_to_go(
    cohort: str | None, batch: str | None, samples: int, checked: int, hint: str
) -> None:
    words = say.empty_guard_words(cohort, batch, samples, checked)
    assert (words == "") == (hint == "")
    assert hint in words


def test_the_next_step_leads_to_a_panel_until_the_batch_can_be_checked() -> None:
    assert [say.next_step(*a) for a in ((None, 0), (None, 3), ("heads", 0), ("heads", 3))] == [
        "Cohort",
        "Cohort",
        "Sample",
        "",
    ]


def test_samples_drawn_after_the_check_are_named() -> None:
    assert say.unchecked_words(5, 5) == ""
    assert say.unchecked_words(6, 5).startswith("1 sample has")
    assert say.unchecked_words(9, 5).startswith("4 samples have")


def test_walking_stops_at_both_ends() -> None:
    order = ["a", "b", "c"]
    assert [
        say.step_in(order, at, by) for at, by in (("a", 1), ("c", 1), ("a", -1), ("x", 1), (None, -1))
    ] == [
        "b",
        "c",
        "a",
        "a",
        "a",
    ]
    assert say.step_in([], "a", 1) is None
    assert say.place_words(1, 3) == "2 of 3, riskiest first"
    assert say.place_words(1, 1234, by_risk=False) == "2 of 1,234, as sorted"
    assert say.place_words(None, 3) == ""


def test_both_histograms_share_bins_and_sum_to_a_hundred_percent() -> None:
    threshold = Threshold("correlation", 0.8, 0.95)
    found = say.distribution(np.array([0.1, 0.2, np.nan]), np.linspace(0, 0.5, 11), threshold)
    assert found.edges[0] == 0.0
    assert found.edges[-1] == 0.95
    assert found.batch.sum() == pytest.approx(100)
    assert found.unseen.sum() == pytest.approx(100)
    assert (found.batch_n, found.unseen_n) == (2, 11)
    assert say.legend_words(found) == ("Batch, n = 2", "Unseen patients, n = 11")


@pytest.mark.parametrize("values", [[], [np.nan], [0.3, 0.3]])
def test_nothing_or_one_value_still_makes_a_plot(values: list[float]) -> None:
    found = say.distribution(np.array(values), np.array([]))
    assert np.all(np.diff(found.edges) > 0)
    assert found.unseen.sum() == 0


@given(
    review=st.floats(-2, 3),
    block=st.floats(-2, 3),
    moved=st.sampled_from(["review", "block"]),
    key=st.sampled_from(["correlation", "rmse", "lowe_ratio"]),
)
def test_limits_stay_in_range_and_in_order_whatever_is_dragged(
    review: float, block: float, moved: str, key: str
) -> None:
    metric = METRICS[key]
    low, high = metric.range
    new_review, new_block = say.ordered_limits(metric, moved, review, block)
    assert low <= new_review <= high
    assert low <= new_block <= high
    assert not metric.beyond(new_review, new_block)
    clipped = min(max(review if moved == "review" else block, low), high)
    assert (new_review if moved == "review" else new_block) == clipped


def test_where_a_threshold_comes_from() -> None:
    calibrated = Threshold("correlation", 0.8, 0.85, interval=(0.79, 0.86), n=40, quantile=0.983)
    assert say.threshold_words(CORRELATION, calibrated) == (
        "Calibrated on 40 unseen images, quantile 0.983, 95% interval 0.790 to 0.860."
    )
    back = Threshold("correlation", 0.8, 0.85, n=40, who="Dr Who", why="pilot over")
    words = "Calibrated on 40 unseen images. Dr Who lifted a typed limit: pilot over."
    assert say.threshold_words(CORRELATION, back) == words
    typed = Threshold("correlation", 0.8, 0.85, "typed", who="Dr Who", why="too strict")
    assert say.threshold_words(CORRELATION, typed) == "Typed by Dr Who: too strict."
