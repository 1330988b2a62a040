"""What may not be loaded: the command line stays light, the Qt-free rooms stay Qt-free, the light rooms torch-free."""

from __future__ import annotations

import subprocess
import sys

import pytest

QT = ("qtpy", "PyQt5", "PyQt6", "napari", "vispy", "magicgui", "superqt", "pyqtgraph")
TORCH = ("torch", "monai", "lightning")

IMPORT_ROOMS = """
import importlib, pkgutil, sys
class Absent:  # not None in sys.modules: scipy takes what stands there for the module
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent)
for room in {rooms!r}:
    package = importlib.import_module("medsynth_desktop." + room)
    for module in pkgutil.walk_packages(getattr(package, "__path__", ()), package.__name__ + "."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
"""

HELP = """
import sys
from medsynth_desktop.cli import main
try:
    main({words!r})
except SystemExit as left:
    assert not left.code, left.code
loaded = [name for name in {absent!r} if name in sys.modules]
assert not loaded, "loaded: " + ", ".join(loaded)
"""


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    "words", [["--help"], ["cohort", "--help"], ["sample", "--help"], ["demo", "--help"]]
)
def test_help_loads_neither_torch_nor_qt(words: list[str]) -> None:
    done = run_python(HELP.format(words=words, absent=QT + TORCH))
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_light_rooms_work_where_torch_is_not_installed() -> None:
    rooms = ("core", "formats", "store", "cohorts", "meshes", "studies", "releases", "jobs")
    done = run_python(IMPORT_ROOMS.format(absent=TORCH, rooms=rooms))
    assert done.returncode == 0, done.stderr


def test_engine_works_where_no_qt_is_installed() -> None:
    rooms = (
        "core", "formats", "store", "cohorts", "networks", "bundles", "samplers", "training", "similarity",
        "guard", "quality", "meshes", "releases", "jobs", "workbench", "cli",
    )  # fmt: skip
    done = run_python(IMPORT_ROOMS.format(absent=QT, rooms=rooms))
    assert done.returncode == 0, done.stderr
