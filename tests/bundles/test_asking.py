"""What may be asked of a model, and what is known of training images."""

from __future__ import annotations

import math

import pytest
import torch

from medsynth_desktop.bundles.asking import given_row, given_rows, learn_conditions
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import Condition

IMAGES = [
    {"age": 34.2, "sex": "F", "label": "normal"},
    {"age": 86.3, "sex": "M", "label": "viral"},
    {"age": None, "label": "bacterial"},
    {"sex": "F", "label": "normal"},
]
AGE, LABEL = Condition("age", (), 20.0, 90.0), Condition("label", ("bacterial", "normal", "viral"))


def test_texts_become_classes_and_numbers_a_range_that_tells_no_patient() -> None:
    age, label = learn_conditions(["age", "label"], IMAGES)
    assert label == LABEL
    assert age.classes == ()
    # 52.1 years apart: to the next whole 5 years, so 34.2 and 86.3 are not told.
    assert (age.low, age.high) == (30.0, 90.0)


def test_one_value_alone_is_a_range_too() -> None:
    (age,) = learn_conditions(["age"], [{"age": 50.0}])
    assert age.low <= 50 <= age.high
    assert age.low < age.high


def test_what_no_image_says_is_refused_with_what_there_is() -> None:
    with pytest.raises(InputRefused, match="'weight'.*age, label, sex"):
        learn_conditions(["weight"], IMAGES)


def test_rows_are_class_numbers_scaled_numbers_and_nan() -> None:
    rows = given_rows((AGE, LABEL), IMAGES)
    assert rows is not None
    assert rows[:, 1].tolist() == [1, 2, 0, 1]
    assert rows[0, 0].item() == pytest.approx(2 * (34.2 - 20) / 70 - 1)
    assert rows[2:, 0].isnan().all()
    assert given_rows((), IMAGES) is None


@pytest.mark.parametrize(("asked", "row"), [
    ({}, [math.nan, math.nan]), ({"age": 20}, [-1.0, math.nan]), ({"age": "90", "label": "viral"}, [1.0, 2.0]),
])  # fmt: skip
def test_what_is_not_asked_for_is_nan(asked: dict[str, float | str], row: list[float]) -> None:
    torch.testing.assert_close(given_row((AGE, LABEL), asked), torch.tensor([row]), equal_nan=True)


def test_classes_that_look_like_numbers_are_classes() -> None:
    assert given_row((Condition("label", ("2", "3")),), {"label": 3.0}).tolist() == [[1]]


@pytest.mark.parametrize(("asked", "says"), [
    ({"weight": 3}, "no condition 'weight'.*age, label"), ({"age": 19.9}, "from 20 to 90; got '19.9'"),
    ({"age": "old"}, "number from 20"), ({"age": math.nan}, "number"), ({"label": "ill"}, "bacterial, normal, viral"),
])  # fmt: skip
def test_what_cannot_be_asked_for_is_refused(asked: dict[str, float | str], says: str) -> None:
    with pytest.raises(InputRefused, match=says):
        given_row((AGE, LABEL), asked)
