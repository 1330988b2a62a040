"""Retrieval and verification against a hand-set tiny encoder."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Match, Nearest
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.identity import KEYS, IdentitySearch
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.store.indexes import Indexes
from tests.similarity.truths.recognising import FirstVoxels, image

REAL = {"B": image(0, 1), "A": image(1, 0), "C": image(-1, 0)}


def search(
    recogniser: FirstVoxels | None = None, order: str = "BAC", shelf: Shelf | None = None
) -> IdentitySearch:
    records = [ImageRecord(f"P-{n}-1", f"P-{n}", "train", hash_array(REAL[n])) for n in order]
    return IdentitySearch(recogniser or FirstVoxels(), [REAL[n] for n in order], records, shelf=shelf)


def ask(known: IdentitySearch, *queries: np.ndarray) -> list[Nearest]:
    before = [Nearest(f"q{i}", (), math.nan, {"rmse": 0.3}) for i in range(len(queries))]
    return drain(known.testify([(n.id, q) for n, q in zip(before, queries, strict=True)], before))


TABLE = [
    # query; cosine and whose; probability and whose
    ((1, 0), 1.0, "A", 1.0, "A"),
    ((0, 0.5), 1.0, "B", 0.75, "B"),
    ((0.6, 0.8), 0.8, "B", 1 - 0.5 * math.sqrt(0.4), "B"),
    ((0.1, -2), 0.1 / math.sqrt(4.01), "A", 1 - 0.5 * math.sqrt(0.81 + 4), "A"),
    ((1, 1), math.sqrt(0.5), "A", 0.5, "A"),  # as near to B: the id that comes first
]


@pytest.mark.parametrize(("query", "cosine", "who", "odds", "whose"), TABLE)
@pytest.mark.parametrize("order", ["BAC", "CAB"])
def test_values_by_hand(query, cosine: float, who: str, odds: float, whose: str, order: str) -> None:  # type: ignore[no-untyped-def]
    (found,) = ask(search(order=order), image(*query))
    assert METRICS["retrieval"](found) == pytest.approx(cosine, abs=1e-8)
    assert METRICS["verification"](found) == pytest.approx(odds, abs=1e-8)
    assert METRICS["retrieval"].neighbour(found) == Match(f"P-{who}-1", f"P-{who}")
    assert METRICS["verification"].neighbour(found) == Match(f"P-{whose}-1", f"P-{whose}")
    assert found.metrics["rmse"] == 0.3


def test_both_may_be_left_out() -> None:
    silent = Nearest("q", (), math.nan)
    for key in KEYS:
        assert METRICS[key].optional
        assert math.isnan(METRICS[key](silent))
        assert METRICS[key].neighbour(silent) is None


def test_queries_together_are_answered_as_alone() -> None:
    queries = [image(0.3, 0.4), image(-1, 1), image(2, 0)]
    together = ask(search(), *queries)
    assert [f.metrics for f in together] == [ask(search(), q)[0].metrics for q in queries]
    assert ask(search()) == []


def test_the_shelf_keeps_embeddings_for_the_weights_that_made_them(tmp_path: Path) -> None:
    shelf = Shelf(Indexes(tmp_path), "recipe")
    first = FirstVoxels()
    told = ask(search(first, shelf=shelf), image(1, 1))
    made = first.seen
    again = FirstVoxels()
    assert ask(search(again, order="ACB", shelf=shelf), image(1, 1))[0].metrics == told[0].metrics
    assert again.seen < made
    other = FirstVoxels("other weights")
    ask(search(other, shelf=shelf), image(1, 1))
    assert other.seen == made
    assert search(first).fingerprint != search(other).fingerprint


def test_a_workspace_that_cannot_keep_them_answers_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreFailed("The disk is full.")

    shelf = Shelf(Indexes(tmp_path), "recipe")
    monkeypatch.setattr(shelf.files, "put", full)
    assert ask(search(shelf=shelf), image(1, 1)) == ask(search(), image(1, 1))


def test_an_image_of_another_grid_is_refused() -> None:
    with pytest.raises(InputRefused, match=r"shape \(3, 3\).*\(2, 2\)"):
        ask(search(), np.zeros((3, 3), np.float32))


def test_one_network_alone_is_told_and_named_in_the_fingerprint() -> None:
    records = [ImageRecord(f"P-{n}-1", f"P-{n}", "train", hash_array(REAL[n])) for n in "BAC"]
    alone = IdentitySearch(FirstVoxels(), [REAL[n] for n in "BAC"], records, keys=("retrieval",))
    (found,) = ask(alone, image(0.6, 0.8))
    assert set(found.metrics) == {"rmse", "retrieval"}
    assert alone.fingerprint != search().fingerprint
