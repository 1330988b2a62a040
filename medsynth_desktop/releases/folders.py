"""A folder that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from medsynth_desktop.core.errors import InputRefused, StoreFailed

_LEFTOVER = re.compile(r"^\..+\.medsynth-partial-(\d+)-[0-9a-f]{8}$", re.DOTALL)
_BEING_BUILT: set[str] = set()
"""Names that this process builds now, so that they are not swept by another of its threads."""
STALE_SECONDS = 86_400
"""A leftover so old is swept though a process has its number: numbers are given anew."""


@contextlib.contextmanager
def appearing(out: Path) -> Iterator[Path]:
    """Yield a hidden sibling of ``out`` to build in; at the end it becomes ``out`` in one rename.

    If the body raises, is closed or the process is killed, ``out`` never exists; a leftover of a killed
    process is swept by the next call for the same parent folder.

    Raises
    ------
    InputRefused
        ``out`` is a file or a folder that holds something.
    StoreFailed
        The disk is full, read-only or otherwise refuses; nothing half-written stays.
    """
    out = Path(os.path.abspath(out))
    name = f".{out.name}.medsynth-partial-{os.getpid()}-{secrets.token_hex(4)}"
    partial = out.parent / name
    _BEING_BUILT.add(name)
    try:
        _refuse_used(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        sweep(out.parent)
        partial.mkdir()
        yield partial
        flush(partial)
        _refuse_used(out)
        if out.exists():
            out.rmdir()
        os.rename(partial, out)
        flush_folder(out.parent)
    except OSError as error:
        raise StoreFailed(
            f"The folder {out.name} could not be written ({error.strerror or 'the disk refused'}); "
            "choose a place with room where you may write. Nothing was left behind."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _BEING_BUILT.discard(name)


def sweep(parent: Path) -> list[str]:
    """Delete what killed processes left in ``parent``; return the names."""
    swept = []
    for entry in list(os.scandir(parent)):
        found = _LEFTOVER.match(entry.name)
        if found and entry.is_dir(follow_symlinks=False) and _is_dead(entry, int(found[1])):
            shutil.rmtree(entry.path, ignore_errors=True)
            swept.append(entry.name)
    return swept


def flush(folder: Path) -> None:
    """Have the disk keep every file and folder under ``folder`` before it is given its name."""
    for root, _, files in os.walk(folder):
        for file in files:
            with open(os.path.join(root, file), "rb+") as stream:
                os.fsync(stream.fileno())
        flush_folder(Path(root))


def flush_folder(folder: Path) -> None:
    """Have the disk keep the names in ``folder``; systems that cannot (Windows) are let be."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _refuse_used(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputRefused(f"{out.name} exists and is no folder; choose a new name for the package.")
    if out.is_dir() and any(os.scandir(out)):
        raise InputRefused(f"The folder {out.name} is not empty; choose a new name for the package.")


def _is_dead(entry: os.DirEntry[str], process: int) -> bool:
    if entry.name in _BEING_BUILT:
        return False
    if time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE_SECONDS:
        return True
    return process == os.getpid() or not _is_running(process)


def _is_running(process: int) -> bool:
    if os.name == "nt":  # os.kill would end it there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
