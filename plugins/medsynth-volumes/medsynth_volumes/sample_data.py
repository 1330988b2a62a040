"""File > Open Sample: images that no patient stands behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import medsynth_desktop
from medsynth_desktop.core.errors import NotFound
from medsynth_desktop.formats.read import read_volume
from medsynth_desktop.qt.viewer import layer_data

RESOURCES = Path(medsynth_desktop.__file__).parents[1] / "resources"


def demo_head(folder: Path = RESOURCES / "demo") -> list[tuple[Any, ...]]:
    """Return the first synthetic volume of the demo as layer data.

    Raises
    ------
    NotFound
        When this installation carries no demo.
    """
    return _first(folder, "Demo head (synthetic)")


def demo_chest(folder: Path = RESOURCES / "demo-chest") -> list[tuple[Any, ...]]:
    """Return the first synthetic X-ray of the demo as layer data.

    Raises
    ------
    NotFound
        When this installation carries no demo.
    """
    return _first(folder, "Demo chest X-ray (synthetic)")


def _first(folder: Path, words: str) -> list[tuple[Any, ...]]:
    found = sorted((folder / "cohort").glob("demo-*"))
    if not found:
        raise NotFound("This installation carries no demo images; open one of your own with File > Open.")
    return [layer_data(read_volume(found[0]), words)]
