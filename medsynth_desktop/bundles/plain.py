"""Files of strangers: plain ones only, and never more bytes than fit."""

from __future__ import annotations

import os
import stat
from pathlib import Path

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
