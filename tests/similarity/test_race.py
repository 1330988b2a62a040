"""How images are brought to the queries that want them: each once where reading is dear, alone where it is cheap."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from medsynth_desktop.similarity.bounds import Cohort, padded, products
from medsynth_desktop.similarity.exact import Moments
from medsynth_desktop.similarity.race import Look, Race, groups, look

IMAGES, QUERIES, WIDTH = 40, 8, 16


@pytest.mark.parametrize(("loading", "read"), [(25, IMAGES), (0, QUERIES * IMAGES // 8)])
def test_what_is_dear_to_read_is_read_once_for_all_queries(loading: int, read: int) -> None:
    """Every query wants its own eighth of the images and all know the truth of theirs, whichever way they came."""
    generator = np.random.default_rng(0)
    rows, left = (generator.standard_normal((n, WIDTH)).astype(np.float32) for n in (IMAGES, QUERIES))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    cohort = Cohort(np.arange(IMAGES), np.zeros(IMAGES), np.ones(IMAGES), WIDTH)
    races = [Race(Moments(0.0, 1.0), cohort, np.ones(IMAGES, bool), 1, "correlation") for _ in range(QUERIES)]
    wanted = [np.sort((np.arange(IMAGES // 8) * 8 + 3 * q) % IMAGES) for q in range(QUERIES)]
    asked: list[int] = []

    def brought(indices: np.ndarray) -> np.ndarray:
        asked.extend(indices.tolist())
        return rows[indices]

    with ThreadPoolExecutor(2) as pool:
        pieces = list(look(races, wanted, Look(left, WIDTH, brought, lambda q, i: 1e-6, 7, loading), pool))
    assert len(asked) == read
    assert pieces[-1][0] == pieces[-1][1] == len(pieces)
    for query, race in enumerate(races):
        truth = rows[wanted[query]].astype(float) @ left[query].astype(float)
        np.testing.assert_allclose(race._low[wanted[query]], truth, atol=2e-6)
        np.testing.assert_allclose(race._high[wanted[query]], truth, atol=2e-6)
        assert (race._low == -1).sum() == IMAGES - len(wanted[query])


@pytest.mark.parametrize("seed", range(4))
def test_groups_hold_every_image_once_and_ask_few_queries(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of ten kinds in any order, each kind wanted by its own queries: a group is of one kind, or of few."""
    monkeypatch.setattr("medsynth_desktop.similarity.race.ORDERED", 64)
    generator = np.random.default_rng(seed)
    kind_of_image, kind_of_query = generator.permutation(np.arange(100) % 10), np.arange(30) % 10
    wants = (kind_of_query[:, None] == kind_of_image) | (generator.random((30, 100)) < 0.01)
    found = list(groups(wants, 8))
    assert sorted(np.concatenate(found).tolist()) == list(range(100))
    assert all(len(group) <= 8 and (np.diff(group) > 0).all() for group in found)
    cost = sum(wants[:, group].any(axis=1).sum() * len(group) for group in found)
    in_order = np.split(np.arange(100), range(8, 100, 8))
    assert cost < 0.6 * sum(wants[:, group].any(axis=1).sum() * len(group) for group in in_order)


def test_images_that_all_queries_want_keep_their_order() -> None:
    found = list(groups(np.ones((3, 10), bool), 4))
    assert [group.tolist() for group in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize("width", [70, 512, 2048, 9000])
def test_products_of_some_rows_are_those_of_all(width: int) -> None:
    generator, size = np.random.default_rng(0), padded(width)
    left, right = (generator.integers(-9, 9, (n, size)).astype(np.float32) for n in (23, 5))
    which = np.array([0, 3, 4, 11, 22])
    with ThreadPoolExecutor(2) as pool:
        whole = products(left, right, width, pool)
        np.testing.assert_array_equal(whole, left.astype(float) @ right.T)
        np.testing.assert_array_equal(products(left, right, width, pool, which), whole[which])
