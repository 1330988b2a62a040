"""Files of several arrays: whole or not at all, mapped, safe to delete."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.store.indexes import Indexes

NAME = "ab" * 32
ARRAYS = (np.arange(6, dtype=np.uint8).reshape(3, 2), np.eye(3), np.ones((3, 5), np.float32))


def test_arrays_come_back_mapped_and_read_only(tmp_path: Path) -> None:
    indexes = Indexes(tmp_path)
    assert indexes.all("recipe/rows") == {}
    put = indexes.put("recipe/rows", NAME, ARRAYS)
    found = indexes.all("recipe/rows")[NAME]
    for back in (put, found):
        assert all(isinstance(b, np.memmap) and not b.flags.writeable for b in back)
        assert all(b.dtype == a.dtype and np.array_equal(a, b) for a, b in zip(ARRAYS, back, strict=True))
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_a_damaged_file_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    indexes = Indexes(tmp_path)
    indexes.put("rows", NAME, ARRAYS)
    (path,) = tmp_path.glob("indexes/rows/*")
    whole = path.read_bytes()
    for size in (len(whole) - 1, len(whole) // 2, 3):
        os.truncate(path, size)
        assert indexes.all("rows") == {}
        path.write_bytes(whole)
    path.write_bytes(b"x" * len(whole))
    assert indexes.all("rows") == {}
    assert len(indexes.put("rows", NAME, ARRAYS)) == 3
    assert list(indexes.all("rows")) == [NAME]


def test_takes_numbers_under_a_hash_only(tmp_path: Path) -> None:
    for name, arrays in (("../x", ARRAYS), (NAME, (np.array([None]),)), (NAME, (np.zeros((0, 3)),))):
        with pytest.raises(ValueError, match="arrays of numbers"):
            Indexes(tmp_path).put("rows", name, arrays)
    assert not (tmp_path / "indexes").exists()
