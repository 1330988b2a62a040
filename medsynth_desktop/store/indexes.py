"""What is derived from images to find the nearest ones fast: ``indexes/<key>/<name>.npys``.

Derived data: safe to delete, made again when it is needed. A file holds several NumPy arrays, one behind the other,
each mapped from the disk; it appears whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from medsynth_desktop.core.npy import read_npy_header
from medsynth_desktop.store.failures import told_plainly
from medsynth_desktop.store.folders import write_file

Arrays = tuple[np.ndarray, ...]

_NAME = re.compile(r"[0-9a-f]{64}")
_END = ".npys"


class Indexes:
    """Files of arrays by key (folders, with ``/`` between them) and name (a hash)."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    def put(self, key: str, name: str, arrays: Sequence[np.ndarray]) -> Arrays:
        """Write ``arrays`` (numbers, none empty) as one file, in place of one of that name; return them mapped.

        Raises
        ------
        StoreFailed
            Disk full or folder read-only.
        """
        if not _NAME.fullmatch(name) or any(array.dtype.hasobject or not array.size for array in arrays):
            raise ValueError(f"{name}: a hash and arrays of numbers are expected")
        target = self._workspace / "indexes" / key / f"{name}{_END}"
        with told_plainly():
            write_file(self._workspace, target, partial(_write, arrays))
            return _mapped(target)

    def all(self, key: str) -> dict[str, Arrays]:
        """Map every file of ``key``, by name; a damaged one is left out, as if it were not there."""
        found: dict[str, Arrays] = {}
        folder = self._workspace / "indexes" / key
        for path in sorted(folder.glob(f"*{_END}")) if folder.is_dir() else []:
            try:
                found[path.stem] = _mapped(path)
            except (OSError, ValueError):
                continue
        return found

    def remove(self, key: str, names: Iterable[str]) -> None:
        """Remove files of ``key``; whoever has them mapped keeps them until the end of his work.

        Raises
        ------
        StoreFailed
            Folder read-only.
        """
        with told_plainly():
            for name in names:
                (self._workspace / "indexes" / key / f"{name}{_END}").unlink(missing_ok=True)


def _write(arrays: Sequence[np.ndarray], stream: BinaryIO) -> None:
    for array in arrays:
        array = np.ascontiguousarray(array)
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
        stream.write(array.data.cast("B"))


def _mapped(path: Path) -> Arrays:
    """The arrays of a file as views of one map: it takes one of the process's open files, not one for each array."""
    whole, arrays = np.memmap(path, np.uint8, "r"), []
    with path.open("rb") as stream:
        while stream.tell() < whole.size:
            if np.lib.format.read_magic(stream) != (1, 0):
                raise ValueError("not a file of this program")
            shape, dtype = read_npy_header(stream)
            start = stream.tell()
            end = start + int(np.prod(shape)) * dtype.itemsize
            if dtype.hasobject or end > whole.size:
                raise ValueError("damaged")
            arrays.append(whole[start:end].view(dtype).reshape(shape))
            stream.seek(end)
    return tuple(arrays)
