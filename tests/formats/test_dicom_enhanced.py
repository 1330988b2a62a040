"""Multi-frame objects: one stack is read, several are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.formats.read import Found, Skipped, find_volumes, read_volume
from tests.formats.series import AXIAL, CORONAL, dataset, enhanced, save


def test_frames_are_ordered_and_scaled_each_by_its_own(tmp_path: Path) -> None:
    path = save(enhanced([6, 0, 3], slopes=[1, 2, 3]), tmp_path / "stack.dcm")
    volume = read_volume(path)
    assert volume.array[0, 0].tolist() == [200, 600, 0]
    np.testing.assert_allclose(volume.spacing, [1.5, 2.0, 3.0])
    findings = list(find_volumes([tmp_path]))
    assert isinstance(findings[0], Found)
    assert "3 slices" in findings[0].label


@pytest.mark.parametrize(
    ("depths", "orientations", "told"),
    [
        ([0, 3, 0, 3], [AXIAL, AXIAL, CORONAL, CORONAL], "2 orientations"),
        ([0, 3, 0, 3], None, "up to 2 at one place"),
        ([0, 3, 9, 12], None, "1 of 5 slices is missing"),
    ],
)
def test_several_or_broken_stacks_are_refused(
    tmp_path: Path, depths: list[float], orientations: list[tuple[int, ...]] | None, told: str
) -> None:
    path = save(enhanced(depths, orientations), tmp_path / "several.dcm")
    with pytest.raises(InputRefused, match=told):
        read_volume(path)
    findings = list(find_volumes([tmp_path]))
    assert [type(f) for f in findings] == [Skipped]


def test_film_over_time_is_refused(tmp_path: Path) -> None:
    path = save(
        dataset(np.zeros((5, 3, 4), np.uint8), "1.2.840.10008.5.1.4.1.1.3.1", "US"), tmp_path / "us.dcm"
    )
    with pytest.raises(InputRefused, match="5 frames without a place"):
        read_volume(path)


def test_wrong_number_of_frames_is_refused(tmp_path: Path) -> None:
    item = enhanced([0, 3, 6])
    item.PerFrameFunctionalGroupsSequence = list(item.PerFrameFunctionalGroupsSequence)[:2]
    with pytest.raises(InputRefused, match="claims 3 frames but describes 2"):
        read_volume(save(item, tmp_path / "odd.dcm"))
