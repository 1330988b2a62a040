"""Failures of disk and database, told in one sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, TimeoutError

from medsynth_desktop.core.errors import StoreFailed

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP}

FULL = (
    "The disk of the workspace is full; free some space and try again (everything finished so far is kept)."
)
FORBIDDEN = "The workspace cannot be written (read-only folder or missing rights); choose another folder."
UNCLOSED = (
    "The workspace was not closed properly, and its folder is read-only, so it cannot be put in order; copy "
    "the folder to where you may write and open the copy."
)
NO_FOLDER = (
    "The workspace is no usable folder (part of its path is a file or has vanished); choose another folder."
)
DAMAGED = (
    "The workspace's database is damaged or is no MedSynth workspace; restore workspace.sqlite from a backup "
    "or choose another folder."
)
BUSY = "Another program holds the workspace for too long; close other MedSynth windows and try again."


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn errors of the operating system and of SQLite within the block into `StoreFailed`.

    An `IntegrityError` passes: it is the caller's to explain.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise StoreFailed(_of_database(str(error.orig))) from error
    except TimeoutError as error:
        raise StoreFailed(BUSY) from error
    except OSError as error:
        raise StoreFailed(_of_system(error)) from error


def _of_database(message: str) -> str:
    told = {
        "is full": FULL,
        "disk I/O error": "The disk of the workspace fails (input/output error); check it and its space.",
        "readonly": FORBIDDEN,
        "read-only": FORBIDDEN,
        "unable to open": FORBIDDEN,
        "not a database": DAMAGED,
        "malformed": DAMAGED,
        "no such": DAMAGED,
        "locked": BUSY,
        "busy": BUSY,
    }
    for part, sentence in told.items():
        if part in message:
            return sentence
    return f"The workspace's database refused ({message}); try again, and restore a backup if it stays."


def _of_system(error: OSError) -> str:
    if error.errno in _FULL:
        return FULL
    if error.errno in _FORBIDDEN:
        return FORBIDDEN
    if error.errno in _NO_FOLDER:
        return NO_FOLDER
    return f"The workspace cannot be used ({error.strerror or 'unknown failure'}); check the disk."
