"""Renew docs/screenshots from the real window: ``.venv/bin/python docs/make_screenshots.py [DIR [CHEST_DIR]]``.

DIR is what ``bash installer/run.sh --headless --out DIR`` left, CHEST_DIR what it left with ``--kind chest``; without
them the main jobs are run first.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SIZE = "1366x768"


CHEST = ("sample", "guard")
"""What of the second demo is shown: elsewhere it looks as the first."""


def copy_screenshots(done: Path, kind: str) -> int:
    """Copy the pictures of one size from a headless run as ``docs/screenshots/[chest-]PANEL.png``; return how many."""
    target = HERE / "screenshots"
    target.mkdir(exist_ok=True)
    count = 0
    for picture in sorted((done / "screenshots" / SIZE).glob("*.png")):
        panel = picture.stem.split("-", 1)[-1]
        if kind == "heads" or panel in CHEST:
            shutil.copyfile(picture, target / f"{'' if kind == 'heads' else kind + '-'}{panel}.png")
            count += 1
    return count


def main(words: list[str]) -> None:
    """Copy from the folders named, or run the main jobs into temporary ones first."""
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        for place, kind in enumerate(("heads", "chest")):
            done = Path(words[place]) if place < len(words) else Path(folder) / kind
            if place >= len(words):
                command = [sys.executable, "-m", "medsynth_desktop", "demo", "--headless", "--kind", kind]
                subprocess.run([*command, "--out", str(done)], check=True)
            count += copy_screenshots(done, kind)
    if not count:
        sys.exit(
            f"No screenshots of {SIZE} were found; run bash installer/run.sh --headless --out DIR first."
        )
    sys.stderr.write(f"{count} screenshots in docs/screenshots\n")


if __name__ == "__main__":
    main(sys.argv[1:])
