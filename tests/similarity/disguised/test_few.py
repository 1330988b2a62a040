"""Cohorts of so few images that nothing is usual: a part is still found where it lay, and named."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity.disguised.search import DisguisedSearch
from tests.similarity import disguises
from tests.similarity.disguised.test_parts import blobs

SHAPE = (128, 112)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_part_in_its_place_is_found_among_few(count: int) -> None:
    images = [blobs(SHAPE, seed) for seed in range(count)]
    records = [ImageRecord(f"i-{n}", f"P-{n:04}", "train", "") for n in range(count)]
    search, last = DisguisedSearch(images, records), count - 1
    moved = disguises.about_centre(blobs(SHAPE, 50), np.eye(2), np.array([9.0, -7.0]))
    copies = [
        ("part", disguises.half(np.random.default_rng(3), images[last], moved)),
        ("flipped", disguises.half(np.random.default_rng(3), images[last][::-1], moved)),
        ("unseen", moved),
    ]
    part, flipped, unseen = (max(found, key=lambda d: d.part) for found in drain(search.query(copies)))
    assert min(part.part, flipped.part) > max(0.6, unseen.part + 0.1)
    assert {part.patient, flipped.patient} == {f"P-{last:04}"}
