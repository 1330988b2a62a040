"""How images are brought to the queries that want them: each once where reading is dear, alone where it is cheap."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from medsynth_desktop.similarity.bounds import Cohort
from medsynth_desktop.similarity.exact import Moments
from medsynth_desktop.similarity.race import Look, Race, look

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
