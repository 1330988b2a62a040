"""Rows by image: what goes in comes out, whatever was added when, kept in few files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.core.hashing import hash_array, hash_bytes
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity.table import TOGETHER, Table, names_of
from medsynth_desktop.store.indexes import Indexes

COUNT = 200
NAMES = [bytes.fromhex(hash_bytes(str(n).encode())) for n in range(COUNT)]
ROWS = np.arange(3 * COUNT, dtype=np.float32).reshape(COUNT, 3)
FACTS = np.arange(2.0 * COUNT).reshape(COUNT, 2)


def opened(files: Indexes | None) -> Table:
    return Table(files, "rows", 2, 3)


def add(table: Table, which: Sequence[int]) -> None:
    some = list(which)
    table.add([NAMES[n] for n in some], FACTS[some], ROWS[some])


def check(table: Table, which: Sequence[int]) -> None:
    some = list(which)
    assert table.missing([NAMES[n] for n in some]) == []
    places = table.places([NAMES[n] for n in some])
    np.testing.assert_array_equal(table.take(2, places, np.empty((COUNT, 3), np.float32)), ROWS[some])
    np.testing.assert_array_equal(table.take(1, places, np.empty((COUNT, 2))), FACTS[some])


def kept(folder: Path) -> int:
    return len(list(folder.rglob("*.npys")))


def test_rows_come_back_in_any_order(tmp_path: Path) -> None:
    files = Indexes(tmp_path)
    for table in (opened(files), opened(None)):
        add(table, range(50))
        add(table, range(50, 60))
        assert table.missing([NAMES[70], NAMES[3], NAMES[71], NAMES[70]]) == [0, 2]
        check(table, np.random.default_rng(0).permutation(60))
    check(opened(files), [59, 0, 0, 51, 7])


def test_growing_one_by_one_ends_in_few_files(tmp_path: Path) -> None:
    files, table, first = Indexes(tmp_path), None, None
    for n in range(COUNT):
        table = opened(files)
        add(table, [n])
        first = first or table
        assert kept(tmp_path) < 3 * TOGETHER
    check(opened(files), range(COUNT))
    check(first, [0])
    assert kept(tmp_path) < 2 * TOGETHER


def test_places_outlive_a_merge(tmp_path: Path) -> None:
    table = opened(Indexes(tmp_path))
    add(table, [0])
    place = table.places(NAMES[:1])
    for n in range(1, 30):
        add(table, [n])
    np.testing.assert_array_equal(table.take(2, place, np.empty((1, 3), np.float32)), ROWS[:1])
    check(table, range(30))


def test_what_two_processes_both_added_is_kept_once(tmp_path: Path) -> None:
    one, other = opened(Indexes(tmp_path)), opened(Indexes(tmp_path))
    for n in range(TOGETHER - 1):
        add(one, [n, n + 20])
        add(other, [n])
    again = opened(Indexes(tmp_path))
    add(again, [40])
    assert kept(tmp_path) == 1
    check(opened(Indexes(tmp_path)), [*range(TOGETHER - 1), *range(20, 19 + TOGETHER), 40])
    assert sum(p.stat().st_size for p in tmp_path.rglob("*.npys")) < (2 * TOGETHER - 1) * 60 + 400


class NothingRemoved(Indexes):
    """Files stay."""

    def remove(self, key: str, names: object) -> None:
        raise StoreFailed("read-only")


def test_a_merge_that_fails_loses_nothing(tmp_path: Path) -> None:
    table = opened(NothingRemoved(tmp_path))
    for n in range(3 * TOGETHER):
        add(table, [n])
    check(table, range(3 * TOGETHER))
    check(opened(Indexes(tmp_path)), range(3 * TOGETHER))


def test_files_of_other_columns_are_not_taken(tmp_path: Path) -> None:
    files = Indexes(tmp_path)
    add(opened(files), range(5))
    for other in (
        Table(files, "rows", 1, 3),
        Table(files, "rows", 2, 4),
        Table(files, "rows", 2, 3, np.int8),
    ):
        assert other.missing(NAMES[:5]) == [0, 1, 2, 3, 4]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux lists them")
def test_a_file_takes_one_of_the_open_files(tmp_path: Path) -> None:
    files = Indexes(tmp_path)
    add(opened(files), range(5))
    before = len(os.listdir("/proc/self/fd"))
    table = opened(files)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    check(table, range(5))


def test_an_image_is_called_by_what_it_holds() -> None:
    images = [np.full((2, 2), n, np.float32) for n in range(3)]
    records = [ImageRecord("same", "P-0001", "train", h) for h in ("", "no hash", "ab" * 32)]
    assert names_of(images, records) == [
        *(bytes.fromhex(hash_array(i)) for i in images[:2]),
        bytes.fromhex("ab" * 32),
    ]
