"""Slices as grey levels."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_desktop.core.slices import fitted, grey_slice


def test_levels_by_hand() -> None:
    array = np.array([[[-200, 0], [40, 80]], [[200, 40], [0, 0]]], np.int16)
    np.testing.assert_array_equal(grey_slice(array, 0, 0, 0, 80), [[0, 0], [127, 255]])
    np.testing.assert_array_equal(grey_slice(array, 2, 1, 0, 80), [[0, 255], [127, 0]])
    assert array[0, 0, 0] == -200


def test_what_is_no_number_is_black() -> None:
    array = np.full((2, 2, 2), np.nan, np.float32)
    assert grey_slice(array, 1, 0, 0, 1).max() == 0


@pytest.mark.parametrize(
    ("box", "expected"),
    [((100, 100), (0, 25, 100, 50)), ((100, 20), (30, 0, 40, 20)), ((10, 5), (0, 0, 10, 5))],
)
def test_a_picture_is_shown_whole_and_in_the_middle(box, expected) -> None:
    assert fitted(*box, 200, 100) == pytest.approx(expected)
