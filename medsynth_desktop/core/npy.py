"""Reading .npy files, whose headers one thread at a time may parse.

NumPy parses a header with `ast.literal_eval`. Before Python 3.11.5 (gh-106905; Debian 12 has 3.11.2) that raises a
SystemError now and then where two threads do it at once, and a guard reads images in many threads.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import BinaryIO

import numpy as np

_ONE_AT_A_TIME = threading.Lock()


def map_npy(path: Path) -> np.ndarray:
    """Map an array read-only, executing nothing of the file.

    Raises
    ------
    ValueError, EOFError, OSError
        As `numpy.load`.
    """
    with _ONE_AT_A_TIME:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def read_npy_header(stream: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type that a version 1.0 header claims, after its magic bytes were read."""
    with _ONE_AT_A_TIME:
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    return shape, dtype
