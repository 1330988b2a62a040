"""Rows of numbers by the hash of an image, in files that are only added to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.core.hashing import hash_array, hash_bytes
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity.exact import foresee, forget
from medsynth_desktop.store.indexes import Arrays, Indexes

TOGETHER = 8
"""Files of like size that are made one: a cohort that grows image by image has few."""
LARGE = 1 << 25
"""Bytes of rows from which on a file stays as it is."""


def names_of(images: Sequence[np.ndarray] | np.ndarray, records: Sequence[ImageRecord]) -> list[bytes]:
    """The 32 bytes that stand for each image: the hash of its array, taken anew where its record has none."""
    known = (r.array_hash if len(r.array_hash) == 64 else None for r in records)
    return [bytes.fromhex(name or hash_array(images[index])) for index, name in enumerate(known)]


class Table:
    """Rows of numbers by image.

    Each file holds three columns: (M, 32) the images' hashes, (M, F) float64 facts, and (M, width) rows. A file that is
    damaged or of other columns counts as not there.

    Parameters
    ----------
    files, key
        Where it is kept; without ``files`` in memory only.
    facts, width, dtype
        Numbers of each image in either column, and of what kind the rows are.
    """

    def __init__(
        self, files: Indexes | None, key: str, facts: int, width: int, dtype: DTypeLike = np.float32
    ) -> None:
        self._files, self._key, self.width, self.dtype = files, key, width, np.dtype(dtype)
        self._columns = [
            ((32,), np.dtype(np.uint8)),
            ((facts,), np.dtype(np.float64)),
            ((width,), self.dtype),
        ]
        self._parts: list[Arrays] = []
        self._kept: dict[str, int] = {}
        self._places: dict[bytes, tuple[int, int]] = {}
        for name, arrays in files.all(key).items() if files is not None else ():
            if len({len(a) for a in arrays}) == 1 and self._columns == [
                (a.shape[1:], a.dtype) for a in arrays
            ]:
                self._take_in(arrays, name)

    def _take_in(self, arrays: Arrays, name: str | None) -> None:
        names = arrays[0].tobytes()
        for row in range(len(arrays[0])):
            self._places[names[32 * row : 32 * row + 32]] = (len(self._parts), row)
        if name is not None:
            self._kept[name] = len(self._parts)
        self._parts.append(arrays)

    def missing(self, names: Sequence[bytes]) -> list[int]:
        """First index of each name that is not there."""
        first = {name: index for index, name in reversed(list(enumerate(names))) if name not in self._places}
        return sorted(first.values())

    def add(self, names: Sequence[bytes], facts: np.ndarray, rows: np.ndarray) -> None:
        """Store one row for each name.

        Raises
        ------
        StoreFailed
            Where it cannot be kept: disk full or folder read-only.
        """
        columns = (np.frombuffer(b"".join(names), np.uint8).reshape(-1, 32), facts, rows)
        if self._files is None:
            self._take_in(columns, None)
            return
        self._put(self._files, columns)
        try:
            self._merge(self._files)
        except StoreFailed:  # what was added is kept; the next one tries again
            return

    def hold(self, names: Sequence[bytes], facts: np.ndarray, rows: np.ndarray) -> None:
        """Take in one row for each name, in memory only."""
        self._take_in((np.frombuffer(b"".join(names), np.uint8).reshape(-1, 32), facts, rows), None)

    def _put(self, files: Indexes, columns: Arrays) -> None:
        name = hash_bytes(columns[0].tobytes())
        self._take_in(files.put(self._key, name, columns), name)

    def _merge(self, files: Indexes) -> None:
        """Make one of files of like size; places that were given out stay good."""
        alike: dict[int, list[str]] = defaultdict(list)
        for name, part in self._kept.items():
            rows = self._parts[part][2]
            if rows.nbytes < LARGE:
                alike[(len(rows) - 1).bit_length() // 3].append(name)
        for names in (n for n in alike.values() if len(n) >= TOGETHER):
            olds = {name: self._kept.pop(name) for name in names}
            mine = [(self._parts[p], self._still(p)) for p in olds.values()]
            columns = tuple(np.concatenate([arrays[c][some] for arrays, some in mine]) for c in range(3))
            if len(columns[0]):
                self._put(files, columns)
            files.remove(self._key, olds.keys() - self._kept.keys())

    def _still(self, part: int) -> np.ndarray:
        """The rows of a part that no other part has too."""
        names = self._parts[part][0].tobytes()
        rows = range(len(self._parts[part][0]))
        return np.array([r for r in rows if self._places[names[32 * r : 32 * r + 32]] == (part, r)], np.intp)

    def places(self, names: Sequence[bytes]) -> np.ndarray:
        """(N, 2) file and row of each name; all are there."""
        return np.array([self._places[name] for name in names], np.int64)

    def take(self, column: int, places: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Copy a column's numbers at ``places`` into the head of ``out``, and return that."""
        out = out[: len(places)]
        taken = [
            (self._parts[part][column], np.flatnonzero(places[:, 0] == part))
            for part in np.unique(places[:, 0])
        ]
        for source, here in taken:
            foresee(source, places[here, 1].tolist())
        for source, here in taken:
            rows = places[here, 1]
            if here[-1] - here[0] + 1 == len(here):
                np.take(source, rows, axis=0, out=out[here[0] : here[-1] + 1], mode="clip")
            else:
                out[here] = source[rows]
            forget(source)
        return out
