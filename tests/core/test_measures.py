"""What is measured on the screen is true in the patient."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_desktop.core.measures import label_place, lies_in_slice, measure
from medsynth_desktop.core.volume import Volume


def slanted(degrees: float = 25.0, spaced: bool = True) -> Volume:
    a = np.radians(degrees)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    return Volume(np.zeros((20, 30, 10), np.int16), affine @ np.diag([0.5, 2.0, 3.0, 1.0]), spaced=spaced)


@pytest.mark.parametrize("degrees", [0, 25, 40])
def test_a_distance_is_that_of_the_voxels(degrees: float) -> None:
    found = measure(slanted(degrees), "distance", [(4, 10, 2), (4, 12, 8)])  # 2 x 2 mm and 6 x 0.5 mm
    assert found.value == pytest.approx(5)
    assert found.words == "5.0 mm"


def test_an_angle_is_that_of_the_patient_and_not_of_the_voxels() -> None:
    found = measure(slanted(), "angle", [(4, 10, 2), (4, 10, 6), (4, 11, 6)])
    assert found.words == "90.0°"
    found = measure(slanted(), "angle", [(4, 10, 10), (4, 10, 6), (4, 11, 10)])  # 2 mm to the side over 2 mm
    assert found.value == pytest.approx(45)


def test_without_millimetres_pixels_are_counted() -> None:
    picture = Volume(np.zeros((20, 30, 1), np.uint8), spaced=False)
    assert measure(picture, "distance", [(0, 0), (3, 4)]).words == "5.0 px"


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="takes 3 points"):
        measure(slanted(), "angle", [(0, 0, 0), (0, 0, 1)])


def test_a_measurement_is_seen_in_its_own_slice() -> None:
    found = measure(slanted(), "distance", [(4, 10, 2), (4, 12, 8)])
    assert lies_in_slice(found, 0, 4)
    assert lies_in_slice(found, 0, 4.4)
    assert not lies_in_slice(found, 0, 5)
    assert not lies_in_slice(found, 1, 10)


def test_where_the_value_is_written() -> None:
    np.testing.assert_allclose(label_place(np.array([(0, 0), (4, 2)])), (2, 1))
    np.testing.assert_allclose(label_place(np.array([(0, 0), (4, 2), (9, 9)])), (4, 2))
