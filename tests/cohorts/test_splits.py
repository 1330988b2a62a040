"""The split by patient, whatever the numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from medsynth_desktop.cohorts.splits import assign_splits

counts = st.integers(1, 300)
shares = st.floats(0, 1, exclude_max=True)


def new(count: int) -> dict[str, None]:
    return {f"P-{n:04d}": None for n in range(1, count + 1)}


@given(count=counts, share=shares)
def test_the_share_is_met_and_no_side_is_empty(count: int, share: float) -> None:
    splits = list(assign_splits(new(count), share).values())
    unseen = splits.count("calibration")
    assert len(splits) == count
    if count == 1 or share == 0:
        assert unseen <= (count == 1 and share > 0.5)
    else:
        assert 1 <= unseen <= count - 1
        assert abs(unseen - share * count) <= 1


@given(count=counts, later=counts, share=shares)
def test_who_has_a_split_keeps_it(count: int, later: int, share: float) -> None:
    first = assign_splits(new(count), share)
    second = assign_splits({**new(count + later), **first}, share)
    assert {p: second[p] for p in first} == first
    assert assign_splits({**new(count + later), **first}, share) == second


def test_the_draw_does_not_follow_the_order_of_the_patients() -> None:
    splits = assign_splits(new(40), 0.5)
    half = list(splits.values())[:20]
    assert 5 <= half.count("calibration") <= 15
    assert assign_splits(dict(reversed(new(40).items())), 0.5) == splits


def test_thirty_percent_of_121_patients_are_36() -> None:
    assert list(assign_splits(new(121), 0.3).values()).count("calibration") == 36
