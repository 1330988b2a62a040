"""One workbench for all panels, polled on the window's own thread.

The shell sets it with `set_workbench`. In a plain napari the first panel that asks opens
the default workspace.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QApplication

from medsynth_desktop.workbench.state import Workbench

POLL_MS = 50
"""About 20 times a second: often enough for a live preview, rare enough to cost nothing."""

_open: Workbench | None = None
_poller: Poller | None = None
_background = False


class Poller(QObject):  # type: ignore[misc]
    """Calls `Workbench.poll` every `POLL_MS` milliseconds on the thread it was made on.

    Parameters
    ----------
    workbench
        What to poll.
    parent
        Qt parent; the timer ends with it.
    """

    def __init__(self, workbench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.workbench = workbench
        self.ticks = 0
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        self.ticks += 1
        self.workbench.poll()

    def stop(self) -> None:
        """Stop for good."""
        self._timer.stop()
        self.setParent(None)
        self.deleteLater()


def default_workspace() -> Path:
    """Folder that ``MEDSYNTH_WORKSPACE`` names, else the platform's user data folder."""
    named = os.environ.get("MEDSYNTH_WORKSPACE")
    return Path(named) if named else Path(platformdirs.user_data_dir("medsynth-desktop", appauthor=False))


def has_workbench() -> bool:
    """Whether a workbench is open."""
    return _open is not None


def current_workbench() -> Workbench:
    """Return the open workbench; the first call without a shell opens the default workspace.

    Raises
    ------
    StoreFailed
        When the default workspace cannot be opened.
    """
    if _open is None:
        set_workbench(Workbench(default_workspace()))
    assert _open is not None
    return _open


def set_workbench(workbench: Workbench) -> None:
    """Make ``workbench`` the one that panels share and start polling it; an earlier one is closed."""
    global _open, _poller
    if workbench is _open:
        return
    close_workbench()
    _open = workbench
    app = QApplication.instance()
    if app is not None:
        _poller = Poller(workbench)
        app.aboutToQuit.connect(close_workbench)


def current_poller() -> Poller | None:
    """Return what polls the open workbench, or None when nothing is open."""
    return _poller


def close_workbench() -> None:
    """Stop polling, cancel jobs, keep what is finished and close the workspace."""
    global _open, _poller
    workbench, poller = _open, _poller
    _open = _poller = None
    app = QApplication.instance()
    if poller is not None:
        poller.stop()
        if app is not None:
            app.aboutToQuit.disconnect(close_workbench)
    if workbench is not None:
        workbench.close()


def open_in_background(yes: bool) -> None:
    """Say whether files are opened by a job (the shell does) or at once (a plain napari expects it)."""
    global _background
    _background = yes


def opens_in_background() -> bool:
    """Whether files are opened by a job whose volumes appear when they are ready."""
    return _background and _open is not None
