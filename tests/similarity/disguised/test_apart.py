"""Other processes say what this one says, and nobody misses them when they end."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity.disguised import apart
from medsynth_desktop.similarity.disguised.search import DisguisedSearch
from tests.similarity.disguised.test_parts import blobs

SHAPE = (64, 56)
COUNT = 6


@pytest.fixture(autouse=True)
def early(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Helpers from the first query on, and none left behind."""
    monkeypatch.setattr(apart, "WORTH", 0.0)
    yield
    gc.collect()
    end = time.monotonic() + 30
    while multiprocessing.active_children() and time.monotonic() < end:  # one may just have been starting
        time.sleep(0.05)
    assert not multiprocessing.active_children()


def search_of(threads: int = 2) -> DisguisedSearch:
    images = [blobs(SHAPE, seed) for seed in range(COUNT)]
    records = [ImageRecord(f"i-{n}", f"P-{n:04}", "train", "") for n in range(COUNT)]
    return DisguisedSearch(images, records, threads=threads)


def queries() -> list[tuple[str, np.ndarray]]:
    noise = np.random.default_rng(1).normal(0, 0.05, SHAPE).astype(np.float32)
    return [
        ("mirrored", blobs(SHAPE, 2)[::-1] + noise),
        ("as it is", blobs(SHAPE, 4) + noise),
        ("unseen", blobs(SHAPE, 40)),
        ("negative", noise - blobs(SHAPE, 1)),
    ]


def helped(search: DisguisedSearch) -> DisguisedSearch:
    """``search``, once a helper is ready."""
    drain(search.query(queries()[:1]))
    end = time.monotonic() + 60
    while not search._helpers.ready():
        assert time.monotonic() < end, "no helper came"
        time.sleep(0.05)
    return search


def test_a_helper_changes_nothing_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [drain(search_of(threads=1).query([query]))[0] for query in queries()]
    search = helped(search_of())
    asked: list[str] = []
    ask = apart.Helper.ask
    monkeypatch.setattr(apart.Helper, "ask", lambda self, *c: asked.append(c[0]) or ask(self, *c))
    assert [drain(search.query([query]))[0] for query in queries()] == alone
    assert {"starts", "lay", "finest"} <= set(asked)
    asked.clear()
    assert drain(search.query(queries())) == alone
    assert "disguises" in asked


@pytest.mark.parametrize("count", [1, 4])
def test_where_a_helper_is_killed_its_work_is_done_here(count: int) -> None:
    alone = drain(search_of(threads=1).query(queries()[:count]))
    search = helped(search_of())
    search._helpers.ready()[0]._process.kill()
    assert drain(search.query(queries()[:count])) == alone


def test_cancel_ends_the_helpers_and_the_next_query_is_answered() -> None:
    search = helped(search_of())
    (helper,) = search._helpers.ready()
    steps = search.query(queries())
    next(steps)
    steps.close()
    assert not helper._process.is_alive()
    assert len(drain(search.query(queries()))) == len(queries())


def test_helpers_end_with_their_search() -> None:
    search = helped(search_of())
    (helper,) = search._helpers.ready()
    del search
    gc.collect()
    assert not helper._process.is_alive()


def test_one_thread_asks_for_no_help_nor_do_cohorts_too_large_to_be_held_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apart, "LARGE", 10)
    for threads in (1, 2):
        search = search_of(threads)
        drain(search.query(queries()))
        assert not search._helpers.ready()
        assert search._helpers._starting is None


def test_what_is_known_of_images_is_the_same_in_another_process() -> None:
    search = search_of()
    drain(search.query(queries()[:1]))
    assert search._real is not None
    placed = search._real.placed
    again = pickle.loads(pickle.dumps(placed))  # noqa: S301 - our own, as processes send it
    for here, there in ((placed.blocks, again.blocks), (placed.unmoved, again.unmoved)):
        np.testing.assert_array_equal(here.some(0), there.some(0))
        np.testing.assert_array_equal(here.scales, there.scales)
        assert there.nbytes == here.nbytes == here.some(0).size


def test_a_program_that_ends_while_a_helper_starts_ends_in_silence(tmp_path: Path) -> None:
    script = tmp_path / "short.py"
    script.write_text(
        "from medsynth_desktop.core.progress import drain\n"
        "from medsynth_desktop.similarity.disguised import apart\n"
        "from tests.similarity.disguised.test_apart import queries, search_of\n"
        "if __name__ == '__main__':\n"
        "    apart.WORTH = 0.0\n"
        "    search = search_of()\n"
        "    drain(search.query(queries()[:1]))\n"
        "    import sys, time\n"
        "    time.sleep(float(sys.argv[1]))\n"
    )
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    for seconds in ("0", "0.3", "0.6", "1"):
        words = [sys.executable, str(script), seconds]
        done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=root, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
