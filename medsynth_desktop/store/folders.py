"""Files and folders that appear whole or not at all.

Everything is written under ``<workspace>/unfinished/`` first, flushed to the disk and then renamed. A killed
process leaves its unfinished part there; the next opening sweeps it.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_bytes

UNFINISHED = "unfinished"
DAY = 86_400.0


def write_file(workspace: Path, target: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Let ``fill`` write a file and put it at ``target`` (replaced if there)."""
    unfinished = _unfinished(workspace)
    try:
        with unfinished.open("xb") as stream:
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
        _make_folder(target.parent)
        os.replace(unfinished, target)
        sync_folder(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def copy_folder(workspace: Path, source: Path, target: Path) -> None:
    """Copy the files of ``source`` to a new folder ``target``; nothing happens if it is there already.

    Raises
    ------
    InputRefused
        When ``source`` holds a link or a special file.
    """
    if target.is_dir():
        return
    unfinished = _unfinished(workspace)
    try:
        _copy_files(source, unfinished)
        _make_folder(target.parent)
        try:
            os.rename(unfinished, target)
        except OSError:
            if not target.is_dir():  # else another process was faster with the same content
                raise
        sync_folder(target.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def sweep(workspace: Path) -> None:
    """Remove what killed processes left unfinished; leave alone what a living one may be writing."""
    folder = workspace / UNFINISHED
    for leftover in list(folder.iterdir()) if folder.is_dir() else []:
        if not _abandoned(leftover):
            continue
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk, where the system can (POSIX)."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _machine() -> str:
    return hash_bytes(socket.gethostname().encode())[:8]


def _unfinished(workspace: Path) -> Path:
    folder = workspace / UNFINISHED
    folder.mkdir(exist_ok=True)
    return folder / f"{_machine()}-{os.getpid()}-{uuid.uuid4().hex}"


def _abandoned(leftover: Path) -> bool:
    """Whether its writer is dead: another machine's, or Windows', only after a day."""
    try:
        machine, process, _ = leftover.name.split("-")
        old = time.time() - leftover.stat().st_mtime > DAY
        if old or machine != _machine() or sys.platform == "win32":
            return old
        os.kill(int(process), 0)
    except FileNotFoundError:
        return False
    except (ProcessLookupError, OverflowError):
        return True
    except (ValueError, PermissionError):  # not ours, or alive under another user
        return False
    return False


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)


def _copy_files(source: Path, target: Path) -> None:
    target.mkdir()
    for entry in sorted(source.iterdir()):
        copy = target / entry.name
        if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
            raise InputRefused(
                f"{entry.name} in the folder is a link or no ordinary file; copy the real file there."
            )
        if entry.is_dir():
            _copy_files(entry, copy)
            continue
        with entry.open("rb") as from_stream, copy.open("xb") as to_stream:
            shutil.copyfileobj(from_stream, to_stream, 1 << 20)
            to_stream.flush()
            os.fsync(to_stream.fileno())
    sync_folder(target)
