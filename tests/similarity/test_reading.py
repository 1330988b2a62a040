"""Real images as rows that are multiplied: whatever is multiplied, the bound holds the exact correlation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given, settings

from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity import bounds
from medsynth_desktop.similarity.exact import flatten, moments
from medsynth_desktop.similarity.loops.bytewise import FEW
from medsynth_desktop.similarity.reading import LONG, RealImages
from tests.similarity.test_search import brute_force, cohorts


def looked_at(
    images: np.ndarray, records: list[ImageRecord], query: np.ndarray, count: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that were multiplied, distances of their products from the correlations, and the bounds of these.

    All images fit in memory; with ``count`` 0 not at once.
    """
    real, voxels, everyone = RealImages(images, records), flatten(query), np.arange(len(images))
    with ThreadPoolExecutor(2) as pool:
        many, memory = max(count, 1), 1 << 30 if count else 1
        whole = real.look([voxels] * many, [moments(voxels, "it")] * many, pool, memory, "cpu")
        rows = whole.rows(everyone)
        made = whole.multiply(whole.left, rows, whole.width, pool)
        assert np.allclose(made, made[0], rtol=1e-4, atol=1e-4 * np.abs(made).max())
        coarse = made[-1] * whole.scale(everyone)
    error = np.abs(coarse - brute_force(query, images)[1])
    return rows, error, np.broadcast_to(whole.error(0, everyone), error.shape)


@settings(max_examples=100, deadline=None)
@given(cohorts())
def test_coarse_bound_holds(cohort) -> None:  # type: ignore[no-untyped-def]
    images, queries, records = cohort
    assume(len(images) > 1)  # one alone always fits in memory
    _, error, bound = looked_at(images, records, queries[0], 0)
    assert (error <= bound).all()
    assert bound.max() <= LONG * bounds.error_bound(images[0].size)


@pytest.mark.parametrize("count", [1, FEW + 1])
@settings(max_examples=100, deadline=None)
@given(cohort=cohorts())
def test_the_bound_of_bytes_holds(cohort, count: int) -> None:  # type: ignore[no-untyped-def]
    images, queries, records = cohort
    rows, error, bound = looked_at(images, records, queries[0], count)
    assert rows.dtype == np.int8
    assert (error <= bound).all()


def test_bytes_lose_little() -> None:
    images = np.random.default_rng(0).normal(size=(6, 12, 11)).clip(-1, 1).astype(np.float32)
    records = [ImageRecord(f"P-{n}-1", f"P-{n}", "train", "") for n in range(6)]
    _, _, bound = looked_at(images, records, images[2] + images[3])
    assert bound.max() < 0.005  # half a step of 1/127, uniform, over a deviation of 0.6


@pytest.mark.parametrize(("offset", "centred"), [(0.0, False), (-0.7, False), (50.0, True)])
def test_only_an_image_far_from_zero_is_centred_first(offset: float, centred: bool) -> None:
    images = (np.random.default_rng(0).normal(size=(6, 12, 11)) + offset).astype(np.float32)
    records = [ImageRecord(f"P-{n}-1", f"P-{n}", "train", "") for n in range(6)]
    rows, error, bound = looked_at(images, records, images[2] + images[3], 0)
    assert np.array_equal(rows[:, :132], images.reshape(6, -1)) != centred
    assert (error <= bound).all()
    narrow = bounds.error_bound(132)
    assert bound.max() == pytest.approx(narrow) if centred else (bound >= narrow).all()
