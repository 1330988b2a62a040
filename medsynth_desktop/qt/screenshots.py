"""Pictures of the real window, panel by panel: for the documentation, and to be looked at after a change."""

from __future__ import annotations

import time
from pathlib import Path

from qtpy.QtWidgets import QApplication

from medsynth_desktop.core.errors import MedSynthError, StoreFailed
from medsynth_desktop.qt.engine import Engine
from medsynth_desktop.qt.shell import Shell
from medsynth_desktop.qt.viewer import show_array, show_volume
from medsynth_desktop.workbench.sampling import sample_volume
from medsynth_desktop.workbench.state import Workbench

SETTLE_SECONDS = 0.8
"""Thumbnails, plots and the canvas are drawn within this after a panel came to the front."""
PATIENCE_SECONDS = 60.0


def capture_tour(
    out: Path, workbench: Workbench, sizes: tuple[tuple[int, int], ...] = ((1366, 768), (1920, 1080))
) -> list[Path]:
    """Open the shell on ``workbench``, walk its panels, save ``out/WIDTHxHEIGHT/N-panel.png`` and close it.

    Raises
    ------
    StoreFailed
        When a picture cannot be written.
    """
    shell = Shell(workbench)
    try:
        _wait_for_jobs(workbench)
        saved = []
        for width, height in sizes:
            folder = out / f"{width}x{height}"
            folder.mkdir(parents=True, exist_ok=True)
            shell.window.showNormal()
            shell.window.resize(width, height)
            _settle()
            shell.arrangement.arrange()
            _settle()
            shell.viewbar.fit_picture()
            for number, title in enumerate(shell.panels, start=1):
                _show_something(shell, title)
                shell.raise_panel(title)
                _settle()
                _use(shell, title)
                saved.append(_save(shell, folder / f"{number}-{title.lower()}.png"))
        return saved
    finally:
        shell.close()
        _settle(0.05)


def _show_something(shell: Shell, title: str) -> None:
    """Put into the viewer what a user of this panel would look at."""
    bench = shell.workbench
    try:
        if title == "Cohort" and bench.cohort is not None and bench.cohort.images:
            first = bench.cohort.images[0].id
            array = bench.image_array(first)
            show_array(shell.viewer, array, bench.cohort.recipe, f"Real {first}", slot="real")
        elif bench.batch is not None and bench.selected is not None:
            volume = sample_volume(bench.workspace, bench.selected)
            options = {} if volume.unit else {"contrast_limits": (-1.0, 1.0)}
            show_volume(shell.viewer, volume, f"Synthetic {bench.selected}", slot="sample", **options)
    except MedSynthError as error:
        bench.tell("error", str(error))


def _use(shell: Shell, title: str) -> None:
    """Press the button that shows what this panel is for."""
    panel = shell.panels[title]
    button = getattr(panel, {"Guard": "pair_button", "Mesh": "make_button"}.get(title, ""), None)
    if button is not None and button.isEnabled() and button.isVisibleTo(panel):
        button.click()
        _settle(0.1)
        _wait_for_jobs(shell.workbench)
        _settle()


def _wait_for_jobs(workbench: Workbench) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    engine = Engine.of(workbench)
    while (workbench.runner.busy or engine.facts is None) and time.monotonic() < end:
        _settle(0.05)
    _settle()


def _settle(seconds: float = SETTLE_SECONDS) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def _save(shell: Shell, path: Path) -> Path:
    if not shell.window.grab().save(str(path)):
        raise StoreFailed(f"The picture {path.name} cannot be written; check the folder given with --tour.")
    return path
