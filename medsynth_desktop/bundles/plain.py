"""Files of strangers: plain ones only, never more bytes than fit, and JSON without surprises."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import BundleRefused


def read_plain(path: Path, name: str, limit: int) -> bytes:
    """Bytes of ``path / name``, a plain file of at most ``limit`` bytes; no link is followed to it.

    Raises
    ------
    BundleRefused
        When it is no plain file, too large, or cannot be read.
    """
    try:
        handle = os.open(
            path / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
        with os.fdopen(handle, "rb") as stream:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise BundleRefused(f"{name} must be a plain file; get the model anew.")
            if facts.st_size > limit:
                raise BundleRefused(
                    f"{name} must be at most {limit} bytes for this model; it has {facts.st_size}."
                )
            return stream.read(limit + 1)[:limit]
    except OSError as error:
        raise BundleRefused(f"{name} cannot be read ({error.strerror}); get the model anew.") from None


def strict_json(data: bytes) -> Any:
    """Parse ``data``; a NaN, an infinity or a key that stands twice is an error.

    Raises
    ------
    ValueError, RecursionError
        When it is no such JSON.
    """
    return json.loads(data, parse_constant=_no_constant, object_pairs_hook=_no_double)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _no_double(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result
