"""Content-addressed arrays: ``arrays/ab/<sha256>.npy``."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from medsynth_desktop.core.errors import NotFound, StoreFailed
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.npy import map_npy
from medsynth_desktop.store.failures import told_plainly
from medsynth_desktop.store.folders import write_file

_HASH = re.compile(r"[0-9a-f]{64}")
_HEADER = 128
"""Bytes of the header that NumPy writes for the shapes at hand (it pads to a multiple of 64)."""


class Arrays:
    """Arrays named by `core.hashing.hash_array`; the same numbers are stored once."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    def put(self, array: np.ndarray) -> str:
        """Store ``array`` (any shape, numbers only) and return its hash; safe to repeat.

        Raises
        ------
        StoreFailed
            Disk full or folder read-only.
        """
        if array.dtype.hasobject:
            raise TypeError("Arrays of Python objects are not stored.")
        array = np.ascontiguousarray(array)
        name = hash_array(array)
        target = self._target(name)
        with told_plainly():
            # A file of the wrong length was damaged by the disk: written anew.
            if not (target.is_file() and target.stat().st_size >= array.nbytes + _HEADER):
                write_file(self._workspace, target, partial(_write, array))
        return name

    def path(self, name: str) -> Path:
        """Where the array of hash ``name`` lies.

        Raises
        ------
        NotFound
            When the workspace does not hold it.
        """
        if not _HASH.fullmatch(name) or not self._target(name).is_file():
            raise NotFound(f"The workspace does not hold the image {name[:12]}; import or sample it again.")
        return self._target(name)

    def get(self, name: str, *, verify: bool = False) -> np.ndarray:
        """Map the array of hash ``name`` read-only; ``verify`` re-reads it all and checks the hash.

        Raises
        ------
        NotFound
            When the workspace does not hold it.
        StoreFailed
            When its file is damaged.
        """
        path = self.path(name)
        try:
            with told_plainly():
                array = map_npy(path)
        except (ValueError, EOFError) as error:
            raise StoreFailed(_damaged(name)) from error
        if verify and hash_array(array) != name:
            raise StoreFailed(_damaged(name))
        return array

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(_HASH.fullmatch(name)) and self._target(name).is_file()

    def _target(self, name: str) -> Path:
        return self._workspace / "arrays" / name[:2] / f"{name}.npy"


def _write(array: np.ndarray, stream: BinaryIO) -> None:
    """Write the .npy format; not by `numpy.save`, whose errors do not tell a full disk from other failures."""
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
    stream.write(array.data.cast("B"))


def _damaged(name: str) -> str:
    return (
        f"The stored image {name[:12]} is damaged on the disk; restore it from a backup or import it again."
    )
