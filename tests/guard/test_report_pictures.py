"""Pictures inside the report: real PNGs, the right slice the right way up, colours of the difference."""

from __future__ import annotations

import io
import re
from base64 import b64decode

import imageio.v3 as imageio
import numpy as np
import pytest

from medsynth_desktop.guard.report_pictures import BRIGHTER, DARKER, PairPictures, draw_pairs, png, slices_of


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (1, 1)])
def test_png_is_read_back_bit_for_bit(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert np.array_equal(imageio.imread(io.BytesIO(png(picture)), extension=".png"), picture)


def test_a_volume_shows_the_axial_slice_that_differs_most_in_its_middle_half() -> None:
    sample, real = np.zeros((4, 6, 8), np.float32), np.zeros((4, 6, 8), np.float32)
    real[..., 0] = 1  # differs most, but at the edge
    real[3, 5, 3] = 0.5
    shown, beside, where = slices_of(sample, real)
    assert where == "axial slice 4 of 8"
    assert shown.shape == (6, 4)
    assert beside[0, 0] == 0.5  # anterior on top, the patient's right (x rising in RAS) on the left
    assert slices_of(sample, sample)[2] == "axial slice 5 of 8"


def test_a_picture_is_shown_as_a_film() -> None:
    picture = np.arange(6, dtype=np.float32).reshape(3, 2)  # x, y
    shown, _, where = slices_of(picture, picture)
    assert shown.tolist() == [[0, 2, 4], [1, 3, 5]]
    assert where == ""


def test_pairs_say_that_they_show_patients_and_hold_their_pixels() -> None:
    sample = np.array([[-1.0, 1.0, 0.0]])
    real = np.array([[-1.0, -1.0, 1.0]])
    text = draw_pairs([PairPictures(sample, real, "S-1 <b>: block", "axial slice 1 of 2")])
    assert "real patients&#x27; images" in text
    assert "S-1 &lt;b&gt;: block. Axial slice 1 of 2. Difference" in text
    pictures = [
        imageio.imread(io.BytesIO(b64decode(code)), extension=".png")
        for code in re.findall(r"data:image/png;base64,([^\"]+)", text)
    ]
    assert pictures[0].tolist() == [[0, 255, 128]]
    assert pictures[1].tolist() == [[0, 0, 255]]
    assert pictures[2][0].tolist() == [[255] * 3, BRIGHTER.tolist(), DARKER.tolist()]
    assert draw_pairs([]) == ""
