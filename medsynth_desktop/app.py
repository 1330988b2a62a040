"""The window's composition root: ``python -m medsynth_desktop.app``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any, NoReturn

import platformdirs

from medsynth_desktop.core.errors import MedSynthError

NO_DISPLAY = (
    "No display to open a window on; log in to a desktop, or use medsynth demo --headless --out DIR instead."
)

NO_SYSTEM_THEME = "System theme detection requires a Qt6 backend"
"""Napari asks for the theme of the desktop, for its icon, whatever its settings say; under Qt 5 it gets dark."""


def main(words: list[str] | None = None) -> int:
    """Open the window and return the exit code: 0 closed by the user, 1 refused with one sentence on stderr."""
    options = _options(words)
    os.environ.setdefault("PSYGNAL_HIDE_LOCALS", "1")
    try:
        if not has_display():
            raise MedSynthError(NO_DISPLAY)
        if options.tour is None:
            os.environ.setdefault("NAPARI_CONFIG", str(_settings_file()))
            return _run(options)
        with tempfile.TemporaryDirectory() as folder:  # pictures change nobody's settings
            os.environ["NAPARI_CONFIG"] = str(Path(folder) / "napari.yaml")
            return _run(options)
    except MedSynthError as error:
        print(str(error), file=sys.stderr)  # noqa: T201
        return 1


def has_display() -> bool:
    """Whether a window can be opened here."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _run(options: argparse.Namespace) -> int:
    from medsynth_desktop.qt import bridge

    path = options.workspace or bridge.default_workspace()
    application = _application()
    from medsynth_desktop.qt.faults import log_to
    from medsynth_desktop.qt.shell import Shell
    from medsynth_desktop.workbench.state import Workbench

    log_to(Path(platformdirs.user_log_dir("medsynth-desktop", appauthor=False)))
    workbench = Workbench(path)
    if options.tour is not None:
        from medsynth_desktop.qt.screenshots import capture_tour

        capture_tour(options.tour, workbench)
        return 0
    shell = Shell(workbench)
    code = application.exec()
    shell.close()
    return int(code)


def _application() -> Any:
    _load_napari_without_numba()
    from napari._qt import qt_main_window
    from napari.qt import get_qapp

    # napari warns of PyQt5 in a pop-up at each start. The range of napari is capped below its removal, so a
    # clinician has nothing to do about it.
    qt_main_window.SHOW_QT_WARNING = False
    warnings.filterwarnings("ignore", message=NO_SYSTEM_THEME)
    application = get_qapp()
    application.setApplicationDisplayName("MedSynth Desktop")
    return application


def _load_napari_without_numba() -> None:
    """Let napari believe that numba is not installed, when it asks.

    The search needs it; napari would load it at each start, and compile for seconds at the first outline or label, for
    what it does without as well.
    """
    if "numba" in sys.modules:
        return
    modules: dict[str, Any] = sys.modules
    modules["numba"] = None
    try:
        import napari.layers.shapes._accelerated_triangulate_dispatch
        import napari.utils.colormaps.colormap  # noqa: F401
    finally:
        del modules["numba"]


def _settings_file() -> Path:
    """Our own napari preferences: those of a plain napari on this machine stay as they are."""
    return Path(platformdirs.user_config_dir("medsynth-desktop", appauthor=False)) / "napari.yaml"


def _options(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("medsynth-desktop", description="MedSynth Desktop: the window.")
    parser.add_argument("--workspace", type=Path, help="folder of the workspace; created if absent")
    parser.add_argument(
        "--tour", type=Path, metavar="OUT", help="save a picture of every panel in OUT and leave"
    )
    return parser.parse_args(words)


def _leave(code: int) -> NoReturn:
    """End the process with ``code``, when all is closed and kept.

    Left to itself Python runs what PyQt5 registered for its end, which takes Qt's objects apart in no order that Qt
    knows: one time in ten it crashes, and the exit code tells of a fault where there was none. Helper processes end
    when they see that this one has.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
