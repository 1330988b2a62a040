"""SIGKILL at any moment of an import: the workspace opens, holds what was finished, and goes on to the same end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.cohorts.importing import import_cohort
from medsynth_desktop.core.progress import drain
from medsynth_desktop.store.workspace import Workspace
from tests.cohorts.heads import write_heads

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")

# Starting Python costs more than an import of small images: one process loads everything and forks per line.
FORKS = """
import os, sys
from pathlib import Path
from medsynth_desktop.cohorts.importing import import_cohort
from medsynth_desktop.store.workspace import Workspace
import nibabel, scipy.ndimage, alembic.command, alembic.config, sqlalchemy.dialects.sqlite

def work():
    with Workspace.open(Path(sys.argv[1])) as workspace:
        for progress in import_cohort(workspace, "heads", [Path(sys.argv[2])]):
            if progress.message.startswith("Importing"):
                print(progress.done, flush=True)
    print("end", flush=True)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    print("started", child, flush=True)
    os.waitpid(child, 0)
    print("over", flush=True)
"""


def kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


class Forks:
    """A process that starts an import in a child of its own whenever it is asked."""

    def __init__(self, workspace: Path, images: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", FORKS, str(workspace), str(images)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def kill_one(self, after_images: int, then_seconds: float) -> tuple[int, bool]:
        """Start an import and kill it; return how many images it said were finished, and whether it ended."""
        self.start()
        child, done, ended = 0, 0, False
        killer: threading.Timer | None = None
        for word in self.said():
            if word.startswith("started"):
                child = int(word.split()[1])
            done = max(done, int(word)) if word.isdigit() else done
            ended = ended or word == "end"
            if child and killer is None and done >= after_images:
                killer = threading.Timer(then_seconds, kill, (child,))
                if ended:
                    continue
                killer.start()
        if killer is not None:
            killer.cancel()
        return done, ended

    def start(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def said(self) -> Iterator[str]:
        """Lines until the child is over."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line == "over\n":
                return
            yield line.strip()

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)


def test_an_import_killed_again_and_again_loses_nothing_finished(tmp_path: Path) -> None:
    images = write_heads(tmp_path / "in", 24)
    with Workspace.open(tmp_path / "whole") as workspace:
        expected = drain(import_cohort(workspace, "heads", [images]))
    generator = np.random.default_rng(7)
    folder = tmp_path / "killed"
    held = 0
    with Forks(folder, images) as forks:
        for after in [0, 0, 0, 0, 2, 4, 7, 9, 12, 15, 19, 21, 23, 23, 23]:
            reported, _ = forks.kill_one(after, generator.uniform(0.0, 0.03))
            with Workspace.open(folder) as workspace:
                assert workspace.problems() == []
                now = len(workspace.cohorts.held("heads"))
                assert now >= max(held, reported)
                leftovers = folder / "unfinished"
                assert not leftovers.is_dir() or not list(leftovers.iterdir())
                if workspace.cohorts.names():
                    assert workspace.cohorts.get("heads") == expected
            held = now
    assert held >= 23
    with Workspace.open(folder) as workspace:
        assert drain(import_cohort(workspace, "heads", [images])) == expected
        assert workspace.problems() == []


def test_two_imports_into_one_cohort_at_once(tmp_path: Path) -> None:
    images = write_heads(tmp_path / "in", 12)
    with Workspace.open(tmp_path / "alone") as workspace:
        expected = drain(import_cohort(workspace, "heads", [images]))
    with Forks(tmp_path / "shared", images) as one, Forks(tmp_path / "shared", images) as two:
        one.start()
        two.start()
        assert [list(forks.said())[-1] for forks in (one, two)] == ["end", "end"]
    with Workspace.open(tmp_path / "shared") as workspace:
        assert workspace.problems() == []
        cohort = workspace.cohorts.get("heads")
        assert {i.array_hash for i in cohort.images} == {i.array_hash for i in expected.images}
        assert len(cohort.images) == 12
        assert len({i.patient for i in cohort.images}) == 12
