"""The folder of a MONAI bundle: which of its files are looked at, and what is refused before any is read."""

from __future__ import annotations

import os
from pathlib import Path

from medsynth_desktop.bundles.files import FACTS
from medsynth_desktop.bundles.plain import read_plain
from medsynth_desktop.bundles.schema import MAX_JSON_BYTES
from medsynth_desktop.core.errors import BundleRefused

CONFIGS, MODELS = "configs", "models"
INFERENCE, METADATA, LICENCE = "configs/inference.json", "configs/metadata.json", "LICENSE"
WEIGHTS = (".safetensors", ".pt", ".pth")
MOST_ENTRIES = 1000
PROGRAMS = {
    ".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".exe", ".sh", ".bat", ".cmd", ".ps1", ".pkl", ".pickle", ".joblib",
}  # fmt: skip
"""Kinds of file that run, or run when they are loaded. In ``scripts/``, where the zoo keeps its own, none is opened."""


def is_foreign(path: Path) -> bool:
    """Whether ``path`` looks like a MONAI bundle and not like one of ours."""
    return path.is_dir() and not (path / FACTS).exists() and (path / CONFIGS).exists()


def check_folder(path: Path) -> set[str]:
    """Return the names of the plain files in ``models/``.

    The bundle's folder, ``configs`` and ``models`` are looked at; whatever else lies there is never opened.

    Raises
    ------
    BundleRefused
        A link, a program, a folder that is missing or absurdly full.
    """
    _check_entries(path, "")
    _check_entries(path, CONFIGS)
    return _check_entries(path, MODELS)


def _check_entries(path: Path, part: str) -> set[str]:
    where = f"{part}/" if part else ""
    if part and (not (path / part).is_dir() or (path / part).is_symlink()):
        raise BundleRefused(f"A MONAI bundle has a folder {part} (no link to one); give the whole bundle.")
    try:
        with os.scandir(path / part) as entries:
            found = [entry for entry, _ in zip(entries, range(MOST_ENTRIES + 1), strict=False)]
    except OSError as error:
        raise BundleRefused(f"The bundle's folder {part} cannot be read ({error.strerror}).") from None
    if len(found) > MOST_ENTRIES:
        raise BundleRefused(
            f"The bundle's folder {part} holds over {MOST_ENTRIES} files; get the model anew."
        )
    for entry in found:
        shown = (where + entry.name)[:60]
        if entry.is_symlink():
            raise BundleRefused(
                f"{shown!r} is a link; give a copy of the bundle that holds its files itself."
            )
        if Path(entry.name).suffix.lower() in PROGRAMS:
            raise BundleRefused(
                f"The bundle holds {shown!r}, a kind of file that runs code; do not trust it."
            )
    return {entry.name for entry in found if entry.is_file(follow_symlinks=False)}


def read_text(path: Path, name: str) -> bytes | None:
    """Bytes of a small file of the bundle, None where it is not there.

    Raises
    ------
    BundleRefused
        As `read_plain`.
    """
    if not (path / name).exists():
        return None
    return read_plain(path, name, MAX_JSON_BYTES)
