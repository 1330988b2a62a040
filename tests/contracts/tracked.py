"""The files of the checkout that git tracks, or would."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked_files(*suffixes: str) -> list[Path]:
    """Existing files, tracked or about to be (not ignored), by suffix; all without one."""
    words = [
        "git",
        "-c",
        "safe.directory=*",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    names = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = sorted({ROOT / name for name in names if name})
    return [p for p in paths if p.is_file() and (not suffixes or p.suffix in suffixes)]


def source_files() -> list[Path]:
    """Python files that are shipped: the engine and the plugins."""
    rooms = {"medsynth_desktop", "plugins"}
    return [p for p in tracked_files(".py") if p.relative_to(ROOT).parts[0] in rooms]


def name_of(path: Path) -> str:
    """Path inside the checkout, as a test id."""
    return path.relative_to(ROOT).as_posix()
