"""Windows: the numbers radiologists know, and a drag that can be taken back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.core.windows import Window, all_presets, first_window, percentile_window, presets_for

ONES = np.ones((2, 2, 2), np.float32)
WIDTHS = st.floats(0.1, 1e5)
PIXELS = st.floats(-2000, 2000)


def test_named_windows_are_those_of_the_textbooks() -> None:
    told = {p.key: (p.width, p.centre, p.unit) for p in all_presets() if p.named}
    assert told == {
        "brain": (80, 40, "HU"),
        "lung": (1500, -600, "HU"),
        "bone": (2500, 480, "HU"),
        "soft_tissue": (400, 40, "HU"),
        "liver": (150, 90, "HU"),
        "abdomen": (350, 40, "HU"),
    }


def test_presets_are_offered_where_their_unit_is_the_images() -> None:
    of_ct = [p.key for p in presets_for(Volume(ONES, modality="CT", unit="HU", window=(50.0, 350.0)))]
    assert of_ct[0] == "header"
    assert "lung" in of_ct
    assert [p.key for p in presets_for(Volume(ONES, modality="MR"))] == ["auto", "strong", "full"]


def test_limits_are_half_a_width_from_the_centre() -> None:
    assert Window(80, 40).limits == (0, 80)
    assert Window.of_limits(-1350, 150) == Window(1500, -600)


@given(WIDTHS, st.floats(-1e4, 1e4), PIXELS, PIXELS)
def test_a_window_never_closes(width: float, centre: float, right: float, down: float) -> None:
    low, high = Window(width, centre).dragged(right, down).limits
    assert low < high


@given(WIDTHS, st.floats(-1e4, 1e4))
def test_coming_back_gives_the_first_window(width: float, centre: float) -> None:
    assert Window(width, centre).dragged(0, 0) == Window(width, centre)


@given(WIDTHS, st.floats(-1e3, 1e3), st.floats(1, 500), st.floats(1, 500))
def test_directions(width: float, centre: float, right: float, up: float) -> None:
    window = Window(width, centre)
    usual = window.dragged(right, -up)
    assert usual.width > width  # right widens
    assert usual.centre < centre  # up brightens
    turned = window.dragged(right, -up, wider=False, brighter=False)
    assert turned.width < width
    assert turned.centre > centre


@pytest.mark.parametrize(
    ("window", "unit", "words"),
    [
        (Window(80, 40), "HU", "W 80 L 40 HU"),
        (Window(1500, -600), "HU", "W 1500 L -600 HU"),
        (Window(2, -0.0001), "", "W 2.00 L 0.00"),
        (Window(0.5, 0.25), "SUVbw", "W 0.500 L 0.250 SUVbw"),
    ],
)
def test_words(window: Window, unit: str, words: str) -> None:
    assert window.words(unit) == words


def test_percentiles_pass_over_what_is_no_number() -> None:
    ramp = np.arange(1001, dtype=np.float64)
    ramp[:3] = np.nan, np.inf, -np.inf
    assert percentile_window(ramp, 0, 100).limits == (3, 1000)
    assert percentile_window(np.full(5, np.nan), 1, 99).limits == (0, 1)
    low, high = percentile_window(np.zeros(5), 1, 99).limits
    assert low < high


def test_the_first_window_is_the_headers_own() -> None:
    assert first_window(Volume(ONES, window=(40.0, 80.0))) == Window(80, 40)
    assert first_window(Volume(ONES, window=(40.0, 0.0))).width > 0  # a damaged header names no window
