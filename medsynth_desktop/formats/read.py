"""From paths to volumes: search folders, say what each file is, read it. Every file is accounted for."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats import FORMATS
from medsynth_desktop.formats.base import HEAD_BYTES, Finding, Format, Found, Skipped, refusing

__all__ = ["Found", "Skipped", "find_volumes", "read_volume", "search_volumes"]

NAMED_REASONS = 3
"""How many reasons a refused folder quotes."""


def find_volumes(paths: Sequence[Path]) -> Iterator[Found | Skipped]:
    """Search files and folders for volumes, reading headers only.

    Parameters
    ----------
    paths
        Files or folders; folders are searched to any depth in name order, links followed once.

    Yields
    ------
    Found | Skipped
        A volume with all its files, or a file (hidden folder, unreadable folder) with the reason why not.
        Each file appears in exactly one of them. DICOM, which needs all headers first, comes last.
    """
    return (f for f in search_volumes(paths) if not isinstance(f, Progress))


def search_volumes(paths: Sequence[Path]) -> Iterator[Finding | Progress]:
    """Search as `find_volumes` does, with a `Progress` wherever a file alone gives no finding yet."""
    grouped: dict[str, list[Path]] = {}
    for item in _walk([Path(p) for p in paths]):
        if isinstance(item, Skipped):
            yield item
            continue
        known = identify(item)
        if isinstance(known, Skipped):
            yield known
        elif known.group is not None:
            members = grouped.setdefault(known.key, [])
            members.append(item)
            yield Progress(0, 0, f"Searching: {len(members)} {known.label} files")
        else:
            yield Found(partial(known.read, item), (item,), item.name, known.key)
    for key, members in grouped.items():
        group = FORMATS[key].group
        assert group is not None
        yield from group(members)


def read_volume(path: Path) -> Volume:
    """Read one file, or a folder that holds exactly one volume (for instance the slices of a DICOM series).

    Raises
    ------
    InputRefused
        Not an image, damaged, or a folder with no volume or several.
    """
    path = Path(path)
    if path.is_dir():
        return _only(path, list(find_volumes([path]))).load()
    if not path.exists():
        raise InputRefused(f"{path.name} does not exist; check the path.")
    known = identify(path)
    if isinstance(known, Skipped):
        raise InputRefused(f"{path.name}: {known.reason}")
    with refusing(path.name):
        return known.read(path)


def _only(folder: Path, findings: list[Finding]) -> Found:
    """Return the one volume of a folder."""
    found = [f for f in findings if isinstance(f, Found)]
    if len(found) == 1:
        return found[0]
    if found:
        labels = "; ".join(f.label for f in found[:NAMED_REASONS])
        raise InputRefused(
            f"The folder {folder.name} holds {len(found)} volumes ({labels}, ...); choose one of them."
        )
    reasons = list(dict.fromkeys(f.reason for f in findings if isinstance(f, Skipped)))
    told = " ".join(reasons[:NAMED_REASONS]) or "It is empty."
    raise InputRefused(f"The folder {folder.name} holds no readable volume. {told}")


def identify(path: Path) -> Format | Skipped:
    """Say which format a file has: by its first bytes; a name that claims otherwise is told."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return Skipped(path, "Not a regular file.")
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        return Skipped(path, f"Cannot be opened ({error.strerror or 'unreadable'}).")
    if not head:
        return Skipped(path, "The file is empty.")
    for known in FORMATS:
        if known.sniff(head):
            return known
    for known in FORMATS:
        if known.claims(path):
            return Skipped(
                path, f"The name says {known.label}, but the content is not; the file is damaged or renamed."
            )
    return Skipped(path, "Not an image format that is read.")


def _walk(paths: list[Path]) -> Iterator[Path | Skipped]:
    """Files below ``paths``, each once; folders that are links back to a parent are told, not followed."""
    seen: dict[tuple[int, int], Path] = {}
    stack = list(reversed(paths))
    given = set(paths)
    while stack:
        path = stack.pop()
        try:
            if path.name.startswith(".") and path not in given and path.name not in (".", ".."):
                yield Skipped(path, f"Hidden {'folder' if path.is_dir() else 'file'}, not searched.")
                continue
            status = path.stat()
        except OSError as error:
            yield Skipped(path, _unreachable(path, error))
            continue
        key = (status.st_dev, status.st_ino)
        if key in seen:
            yield Skipped(path, f"The same {_kind(status)} as {seen[key].name}, which is already listed.")
            continue
        seen[key] = path
        if not stat.S_ISDIR(status.st_mode):
            yield path
            continue
        try:
            stack.extend(sorted((Path(e.path) for e in os.scandir(path)), reverse=True))
        except OSError as error:
            yield Skipped(path, f"The folder cannot be opened ({error.strerror or 'unreadable'}).")


def _kind(status: os.stat_result) -> str:
    return "folder" if stat.S_ISDIR(status.st_mode) else "file"


def _unreachable(path: Path, error: OSError) -> str:
    if path.is_symlink():
        return "A link that leads nowhere."
    return f"Cannot be opened ({error.strerror or 'unreadable'})."
