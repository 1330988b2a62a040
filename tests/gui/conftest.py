"""Real widgets on a real (virtual) screen; whatever a test leaves behind fails it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from tests.remembering import remembered_disguises  # noqa: F401

os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp(prefix="medsynth-gui-")) / "napari.yaml")
ENGINE = "lane-start"
"""It may still import torch, which nothing can interrupt, when a test is over."""
HAS_SCREEN = not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY"))
collect_ignore_glob = [] if HAS_SCREEN else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("gui")


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace folder with a small cohort and a batch; to be copied, not opened."""
    from medsynth_desktop.store.workspace import Workspace
    from tests.gui.phantoms import add_batch, add_cohort

    folder = tmp_path_factory.mktemp("furnished")
    with Workspace.open(folder / "workspace") as workspace:
        add_cohort(workspace, folder / "heads")
        add_batch(workspace, folder / "model")
    return folder / "workspace"


@pytest.fixture
def bench(qapp: object, furnished: Path, tmp_path: Path) -> Iterator[object]:
    """The shared workbench, on a furnished workspace of its own."""
    yield from _opened(shutil.copytree(furnished, tmp_path / "ward-3"))


@pytest.fixture
def empty_bench(qapp: object, tmp_path: Path) -> Iterator[object]:
    """The shared workbench, on a workspace with nothing in it."""
    yield from _opened(tmp_path / "new")


def _opened(path: Path) -> Iterator[object]:
    from medsynth_desktop.qt import bridge
    from medsynth_desktop.workbench.state import Workbench

    bench = Workbench(path)
    bridge.set_workbench(bench)
    yield bench
    bridge.close_workbench()


@pytest.fixture
def viewer(qapp: object) -> Iterator[object]:
    """A plain napari viewer that is closed whatever happens."""
    import napari

    opened = napari.Viewer(show=False)
    yield opened
    opened.close()


@pytest.fixture
def make_shell(qapp: object) -> Iterator[Callable[..., object]]:
    """Open the shell on a workbench; closed at the end."""
    from medsynth_desktop.qt.shell import Shell

    opened: list[Shell] = []

    def make(bench: object) -> Shell:
        shell = Shell(bench)  # type: ignore[arg-type]
        opened.append(shell)
        return shell

    yield make
    for shell in opened:
        shell.close()


@pytest.fixture
def opened(qtbot: QtBot) -> Iterator[Callable[..., Any]]:
    """Open a panel by its class on a viewer, or on napari's model of one where nothing is drawn.

    Ask for it after what the panel looks at: fixtures end in the reverse order.
    """
    from napari.components import ViewerModel

    panels: list[Any] = []

    def make(kind: Callable[[Any], Any], viewer: Any = None, *, show: bool = False) -> Any:
        panel = kind(viewer or ViewerModel())
        qtbot.addWidget(panel)
        panel.resize(400, 690)
        panels.append(panel)
        if show:
            panel.show()
        return panel

    yield make
    for panel in panels:
        panel.stop_listening()


@pytest.fixture(autouse=True)
def nothing_left(qapp: object) -> Iterator[None]:
    """Name the threads, timers and windows that a test left behind."""
    from qtpy.QtWidgets import QApplication

    before = _left()
    yield
    for _ in range(3):
        QApplication.processEvents()
    assert _left() - before == set()


def _left() -> set[str]:
    from qtpy.QtWidgets import QApplication

    from medsynth_desktop.qt import bridge

    running = [t for t in threading.enumerate() if t.name.startswith("lane-")]
    lanes = {f"thread {t.name} {t.ident}" for t in running if t.name != ENGINE}
    windows = {f"window {w.windowTitle()!r} {id(w)}" for w in QApplication.topLevelWidgets() if w.isVisible()}
    if bridge.has_workbench():  # one that outlives this test keeps its lanes
        lanes = set()
    polled = {f"poller {id(bridge.current_poller())}"} if bridge.current_poller() else set()
    return lanes | windows | polled


@pytest.fixture(scope="session")
def unchecked_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace folder with a cohort and a batch that holds a noisy copy; not checked yet."""
    from medsynth_desktop.store.workspace import Workspace
    from tests.gui.judged_workspace import fill

    folder = tmp_path_factory.mktemp("unchecked") / "workspace"
    with Workspace.open(folder) as workspace:
        fill(workspace)
    return folder


@pytest.fixture(scope="session")
def judged_folder(unchecked_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, checked."""
    from medsynth_desktop.store.workspace import Workspace
    from tests.gui.judged_workspace import audited

    folder = shutil.copytree(unchecked_folder, tmp_path_factory.mktemp("judged") / "workspace")
    with Workspace.open(folder) as workspace:
        audited(workspace)
    return folder


@pytest.fixture
def unchecked(qapp: object, unchecked_folder: Path, tmp_path: Path) -> Iterator[object]:
    """The shared workbench, on an unchecked batch."""
    yield from _opened(shutil.copytree(unchecked_folder, tmp_path / "w"))


@pytest.fixture
def judged(qapp: object, judged_folder: Path, tmp_path: Path) -> Iterator[object]:
    """The shared workbench, on a checked batch: the first sample is blocked."""
    yield from _opened(shutil.copytree(judged_folder, tmp_path / "w"))


@pytest.fixture(scope="module")
def shell(qapp, furnished: Path, tmp_path_factory: pytest.TempPathFactory):
    """One window on a furnished workspace for a module whose tests only look at it or put it back."""
    from medsynth_desktop.qt.shell import Shell
    from medsynth_desktop.workbench.state import Workbench

    opened = Shell(Workbench(shutil.copytree(furnished, tmp_path_factory.mktemp("shell") / "ward-3")))
    yield opened
    opened.close()
