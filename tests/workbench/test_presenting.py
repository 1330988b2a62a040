from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynth_desktop.core.records import Nearest, Neighbour, Threshold
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


def test_captions_carry_the_numbers_and_only_pseudonyms() -> None:
    nearest = Nearest("S-1", (Neighbour("P-0042-1", "P-0042", 0.2101, 0.87312),), 0.9712)
    assert say.nearest_caption(nearest) == "Nearest real P-0042-1 · r 0.873 · RMSE 0.210 · Lowe 0.971"
    assert say.synthetic_caption("S-1", "block") == "Synthetic S-1 · BLOCK ■"
    assert "Not checked" in say.synthetic_caption("S-1", None)
    assert "not searched" in say.nearest_caption(Nearest("S-1", (), float("nan")))


def test_a_near_copy_is_never_rounded_to_a_perfect_one() -> None:
    nearest = Nearest("S-1", (Neighbour("P-0001-1", "P-0001", 1e-4, 0.99996),), 0.5)
    assert "r 0.99996" in say.nearest_caption(nearest)
    assert "r 1.000" in say.nearest_caption(Nearest("S-1", (Neighbour("P-0001-1", "P", 0.0, 1.0),), 0.5))


def test_a_ratio_above_one_has_three_digits() -> None:
    nearest = Nearest("S-1", (Neighbour("P-0001-1", "P-0001", 0.5, -0.23),), 1.0023695)
    assert "Lowe 1.002" in say.nearest_caption(nearest).split(" · ")
    assert "Lowe 1.00003" in say.nearest_caption(replace(nearest, lowe_ratio=1.00003))


def two_images() -> Nearest:
    """Most alike P-0050-1; P-0060-1 has the smaller RMSE."""
    found = (Neighbour("P-0050-1", "P-0050", 0.124, 0.91), Neighbour("P-0060-1", "P-0060", 0.113, 0.9))
    return Nearest("S-1", found, 0.99, {"correlation": 0.91, "rmse": 0.113})


def test_every_number_says_which_image_it_is_with() -> None:
    nearest, metrics = two_images(), tuple(METRICS)
    assert say.nearest_caption(nearest).startswith("Nearest real P-0050-1 · r 0.910 · RMSE 0.124")
    said = say.other_image_words(nearest, metrics)
    assert said.startswith("RMSE 0.113 is with P-0060-1; the picture shows P-0050-1")
    assert said.endswith("(RMSE 0.124).")
    assert len(said.splitlines()) == 1
    unlisted = replace(nearest, neighbours=nearest.neighbours[:1])
    assert "is with another image" in say.other_image_words(unlisted, metrics)
    same = replace(unlisted, metrics={"correlation": 0.91, "rmse": 0.124})
    assert say.other_image_words(same, metrics) == ""
    assert say.other_image_words(None, metrics) == ""
    assert say.other_image_words(Nearest("S-1", (), float("nan")), metrics) == ""


def test_captions_break_at_their_dots_only() -> None:
    caption = "Nearest real P-0042-1 · r 0.873 · RMSE 0.210 · Lowe 0.971"
    assert say.wrapped(caption, 100) == caption
    assert say.wrapped(caption, 25) == "Nearest real P-0042-1\nr 0.873 · RMSE 0.210\nLowe 0.971"


def test_the_difference_is_signed_synthetic_minus_real() -> None:
    found = say.difference(np.full((2, 2), 0.5), np.full((2, 2), -0.25))
    assert found.dtype == np.float32
    assert found.tolist() == [[0.75, 0.75], [0.75, 0.75]]
    with pytest.raises(ValueError, match="one shape"):
        say.difference(np.zeros((2, 2)), np.zeros((2, 3)))


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


@pytest.mark.parametrize(
    ("size", "shape"), [((1400, 700), (1, 3)), ((700, 650), (2, 2)), ((1200, 300), (1, 3))]
)
def test_three_pictures_stand_in_a_row_unless_two_rows_make_them_much_larger(
    size: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert say.grid_shape(*size, 3) == shape
    assert say.grid_shape(*size, 1) == (1, 1)


def test_tall_pictures_with_captions_stand_in_a_row_on_the_screens_we_promise() -> None:
    head, caption = 0.75, 98
    assert say.grid_shape(872, 662, 3, head, caption) == (1, 3)  # what 1366x768 leaves
    assert say.grid_shape(922, 976, 3, head, caption) == (1, 3)  # 1920x1080 beside the layer docks
    assert say.grid_shape(600, 900, 3, 2.0, 0) == (2, 2)  # wide pictures in a tall canvas


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
    typed = Threshold("correlation", 0.8, 0.85, "typed", who="Dr Who", why="too strict")
    assert say.threshold_words(CORRELATION, typed) == "Typed by Dr Who: too strict."
