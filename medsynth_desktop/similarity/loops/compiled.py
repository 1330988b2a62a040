"""Loops over places and voxels as machine code: numba compiles a function when it first runs, and keeps that on disk.

Compiled loops let go of Python's lock, so threads work beside each other. Importing this takes half a second: the
window's start goes without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

RELAXED = {"reassoc", "contract", "arcp", "nsz"}
"""What the compiler may do to float arithmetic: sum in another order, so that vectors can be used. NaN stays NaN."""


def compiled(function: F) -> F:
    """``function``, loops over arrays and numbers, to be compiled when it is first called.

    The machine code is kept beside the source or, where that cannot be written, in the user's cache folder; where
    neither can be, it is compiled once in every process.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": RELAXED, "error_model": "numpy"}
    try:
        return cast(F, njit(cache=True, **options)(function))
    except RuntimeError:  # there is nowhere to keep it
        return cast(F, njit(**options)(function))
