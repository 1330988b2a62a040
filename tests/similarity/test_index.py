"""The index is built once, grows with its cohort, and survives cancelling, damage and a full disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import Cancelled, InputRefused, StoreFailed
from medsynth_desktop.core.progress import CancelToken, Progress, Steps, drain
from medsynth_desktop.core.records import ImageRecord, Nearest
from medsynth_desktop.similarity import index
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.store.indexes import Arrays, Indexes
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import searching
from medsynth_desktop.workbench.searching import training_search
from tests.gui.judged_workspace import COHORT, fill
from tests.similarity.test_index_answers import one_each, shelf, smooth_images


@pytest.fixture
def smooth() -> np.ndarray:
    return smooth_images()


def files(folder: Path) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in sorted(folder.rglob("*.npys"))}


def test_a_growing_cohort_adds_only_what_is_new(smooth: np.ndarray, tmp_path: Path) -> None:
    asked = [("q", smooth[3])]
    drain(NearestSearch(smooth[:-1], one_each(smooth[:-1]), shelf=shelf(tmp_path)).query(asked))
    before = files(tmp_path)
    found = drain(NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path)).query(asked))
    after = files(tmp_path)
    assert found == drain(NearestSearch(smooth, one_each(smooth)).query(asked))
    assert before.items() <= after.items()
    assert sorted(p.parent.name[:5] for p in after.keys() - before.keys()) == ["coeff", "thumb"]
    shuffled = smooth[::-2]
    drain(NearestSearch(shuffled, one_each(shuffled), shelf=shelf(tmp_path)).query(asked))
    assert files(tmp_path) == after


def test_a_basis_that_knows_few_is_fitted_anew(smooth: np.ndarray, tmp_path: Path) -> None:
    asked = [("q", smooth[3])]
    for some in (smooth[:10], smooth):
        found = drain(NearestSearch(some, one_each(some), shelf=shelf(tmp_path)).query(asked))
        assert found == drain(NearestSearch(some, one_each(some)).query(asked))
    assert len(list(tmp_path.glob("indexes/*/bases/*"))) == 2


def test_few_images_are_read_with_an_index(smooth: np.ndarray, tmp_path: Path) -> None:
    engine = NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path, 1 << 40))
    drain(engine.query([("q", smooth[3])], 1))
    assert 0 < engine.refined < 0.2
    small = NearestSearch(smooth, one_each(smooth), shelf=Shelf(Indexes(tmp_path / "none"), "recipe"))
    drain(small.query([("q", smooth[3])], 1))
    assert small.refined == 1
    assert not (tmp_path / "none").exists()


def test_what_is_finished_outlives_a_cancel(
    smooth: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "SEGMENT", 4 * 256 * 20)
    engine, token = NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path)), CancelToken()

    def stop(progress: Progress) -> None:
        if progress.done > 20:
            token.cancel()

    with pytest.raises(Cancelled):
        drain(engine.query([("q", smooth[0])]), stop, token)
    before = files(tmp_path)
    assert len(before) == 1
    drain(engine.query([("q", smooth[0])]))
    assert before.items() <= files(tmp_path).items()


def test_damaged_or_deleted_files_are_made_again(smooth: np.ndarray, tmp_path: Path) -> None:
    asked = [("q", smooth[3] * np.float32(0.5) + smooth[4])]
    plain = drain(NearestSearch(smooth, one_each(smooth)).query(asked))
    drain(NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path)).query(asked))
    for number, path in enumerate(files(tmp_path)):
        if number == 0:
            path.unlink()
        else:
            os.truncate(path, path.stat().st_size - 1)
        found = drain(NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path)).query(asked))
        assert found == plain


class FullDisk(Indexes):
    """Nothing can be kept."""

    def put(self, key: str, name: str, arrays: Sequence[np.ndarray]) -> Arrays:
        raise StoreFailed("full")


def test_two_at_once_share_one_index(smooth: np.ndarray, tmp_path: Path) -> None:
    asked = [("q", smooth[3])]
    plain = drain(NearestSearch(smooth, one_each(smooth)).query(asked))
    answers: list[list[Nearest]] = []

    def ask() -> Steps[None]:
        answers.append(
            (yield from NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path)).query(asked))
        )

    for _ in zip_longest(ask(), ask()):  # a step of one, a step of the other
        pass
    assert answers == [plain, plain]
    assert sorted(p.parent.name[:5] for p in files(tmp_path)) == ["bases", "coeff", "thumb"]


def test_images_without_a_hash_are_told_apart(smooth: np.ndarray, tmp_path: Path) -> None:
    for some in (smooth[:20], smooth[20:40]):
        records = [ImageRecord(f"P-{n:04d}", f"P-{n:04d}", "train", "") for n in range(20)]
        engine = NearestSearch(some, records, shelf=shelf(tmp_path))
        asked = [("q", smooth[50])]
        assert drain(engine.query(asked)) == drain(NearestSearch(some, records).query(asked))


def test_where_nothing_can_be_kept_the_search_goes_without(smooth: np.ndarray, tmp_path: Path) -> None:
    asked = [("q", smooth[3])]
    found = drain(
        NearestSearch(smooth, one_each(smooth), shelf=Shelf(FullDisk(tmp_path), "recipe", 0)).query(asked)
    )
    assert found == drain(NearestSearch(smooth, one_each(smooth)).query(asked))


def test_an_image_without_contrast_is_named(smooth: np.ndarray, tmp_path: Path) -> None:
    images = [*smooth[:3], np.full_like(smooth[0], 0.5)]
    with pytest.raises(InputRefused, match="Real image P-0003-3 has no contrast"):
        drain(NearestSearch(images, one_each(images), shelf=shelf(tmp_path)).query([("q", smooth[0])]))


def test_the_workspace_keeps_the_index_of_its_cohort(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(workspace)
    cohort = workspace.cohorts.get(COHORT)
    query = [("q", workspace.arrays.get(cohort.split("train")[0].array_hash))]
    plain = drain(training_search(workspace, cohort).query(query))
    assert not (workspace.path / "indexes").exists()
    monkeypatch.setattr(searching, "Shelf", partial(Shelf, least=0, large=0))
    assert drain(training_search(workspace, cohort).query(query)) == plain
    assert len(files(workspace.path)) == 3
