"""Rows of numbers by the hash of an image, in files that are only added to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medsynth_desktop.core.hashing import hash_bytes
from medsynth_desktop.similarity.exact import forget
from medsynth_desktop.store.indexes import Arrays, Indexes


class Table:
    """Rows of numbers by image.

    Each file holds three columns: (M, 32) the images' hashes, (M, F) facts, and (M, width) rows. A file that is damaged
    or of another width counts as not there.
    """

    def __init__(self, files: Indexes, key: str, width: int) -> None:
        self._files, self._key, self.width = files, key, width
        self._parts: list[Arrays] = []
        self._places: dict[bytes, tuple[int, int]] = {}
        for arrays in files.all(key).values():
            if len({len(a) for a in arrays}) == 1 and len(arrays) == 3 and arrays[2].shape[1:] == (width,):
                self._take_in(arrays)

    def _take_in(self, arrays: Arrays) -> None:
        names = arrays[0].tobytes()
        for row in range(len(arrays[0])):
            self._places[names[32 * row : 32 * row + 32]] = (len(self._parts), row)
        self._parts.append(arrays)

    def missing(self, names: Sequence[bytes]) -> list[int]:
        """First index of each name that is not there."""
        first = {name: index for index, name in reversed(list(enumerate(names))) if name not in self._places}
        return sorted(first.values())

    def add(self, names: Sequence[bytes], facts: np.ndarray, rows: np.ndarray) -> None:
        """Store one row for each name."""
        joined = b"".join(names)
        images = np.frombuffer(joined, np.uint8).reshape(-1, 32)
        self._take_in(self._files.put(self._key, hash_bytes(joined), (images, facts, rows)))

    def places(self, names: Sequence[bytes]) -> np.ndarray:
        """(N, 2) file and row of each name; all are there."""
        return np.array([self._places[name] for name in names], np.int64)

    def take(self, column: int, places: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Copy a column's numbers at ``places`` into the head of ``out``, and return that."""
        out = out[: len(places)]
        for part in np.unique(places[:, 0]):
            here, source = np.flatnonzero(places[:, 0] == part), self._parts[part][column]
            rows = places[here, 1]
            if here[-1] - here[0] + 1 == len(here):
                np.take(source, rows, axis=0, out=out[here[0] : here[-1] + 1], mode="clip")
            else:
                out[here] = source[rows]
            forget(source)
        return out
