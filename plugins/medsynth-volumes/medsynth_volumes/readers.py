"""File > Open and drag and drop: whatever `medsynth_desktop.formats` reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.formats.base import Skipped
from medsynth_desktop.formats.read import identify
from medsynth_desktop.qt.bridge import current_workbench, opens_in_background
from medsynth_desktop.qt.viewer import layer_data
from medsynth_desktop.workbench.importing import describe_skipped, open_volumes

LayerData = tuple[Any, ...]
Reader = Callable[[Any], list[LayerData]]


def get_reader(path: str | list[str]) -> Reader | None:
    """Return the reader for ``path``, or None when the first file is of no format that we read."""
    first = Path(path[0] if isinstance(path, list) else path)
    if not first.exists() or (first.is_file() and isinstance(identify(first), Skipped)):
        return None
    return read_paths


def read_paths(path: str | list[str]) -> list[LayerData]:
    """Read every image under ``path`` as napari layer data.

    In MedSynth Desktop's own window the images are read by a job and appear when they are ready: the window
    never waits for a disk.

    Raises
    ------
    InputRefused
        When nothing could be read; the message gives the first reason.
    """
    paths = [Path(p) for p in (path if isinstance(path, list) else [path])]
    if opens_in_background():
        current_workbench().open_volumes(paths)
        return [(None,)]
    opened = drain(open_volumes(paths))
    if opened.skipped:
        from napari.utils.notifications import show_warning

        show_warning(describe_skipped(opened.skipped))
    if not opened.volumes:
        raise InputRefused("No image could be read.")
    return [layer_data(volume, name) for volume, name in opened.volumes]
