"""Renew docs/screenshots from the real window: ``.venv/bin/python docs/make_screenshots.py [DIR]``.

DIR is what ``bash installer/run.sh --headless --out DIR`` left; without it the main job is run first.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SIZE = "1366x768"


def copy_screenshots(done: Path) -> int:
    """Copy the pictures of one size from a headless run as ``docs/screenshots/PANEL.png``; return how many."""
    target = HERE / "screenshots"
    target.mkdir(exist_ok=True)
    pictures = sorted((done / "screenshots" / SIZE).glob("*.png"))
    for picture in pictures:
        shutil.copyfile(picture, target / f"{picture.stem.split('-', 1)[-1]}.png")
    return len(pictures)


def main(words: list[str]) -> None:
    """Copy from the folder named, or run the main job into a temporary one first."""
    if words:
        count = copy_screenshots(Path(words[0]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "medsynth_desktop", "demo", "--headless", "--out", folder]
            subprocess.run(command, check=True)
            count = copy_screenshots(Path(folder))
    if not count:
        sys.exit(
            f"No screenshots of {SIZE} were found; run bash installer/run.sh --headless --out DIR first."
        )
    sys.stderr.write(f"{count} screenshots in docs/screenshots\n")


if __name__ == "__main__":
    main(sys.argv[1:])
