"""SIGKILL while samples, decisions and bundles are stored: what was told as stored is there, and all of it whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.store.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")

CHILDREN = """
import os, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
import alembic.command, alembic.config
from medsynth_desktop.store.workspace import Workspace
from tests.store.records import bundle, decision, sample

def work(path, source):
    with Workspace.open(path) as workspace:
        workspace.batches.create("batch-1", "b" * 64)
        ordinal = workspace.batches.count("batch-1")
        while True:
            array = np.random.default_rng(ordinal).random((24, 24, 24)).astype(np.float32)
            new = sample(ordinal, array=workspace.arrays.put(array))
            workspace.batches.add_sample(new)
            workspace.decisions.append(decision(new.id))
            workspace.bundles.add(bundle(f"{ordinal:064x}", f"model {ordinal}"), source)
            print(ordinal, flush=True)
            ordinal += 1

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        work(Path(sys.argv[1]), Path(sys.argv[2]))
    print("started", child, flush=True)
    os.waitpid(child, 0)
    print("over", flush=True)
"""


def test_nothing_that_was_stored_is_lost(tmp_path: Path) -> None:
    source = tmp_path / "model"
    source.mkdir()
    (source / "weights").write_bytes(os.urandom(200_000))
    generator = np.random.default_rng(3)
    stored: set[int] = set()
    children = subprocess.Popen(
        [sys.executable, "-c", CHILDREN, str(tmp_path / "workspace"), str(source)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert children.stdin is not None
    assert children.stdout is not None
    for _ in range(15):
        children.stdin.write("go\n")
        children.stdin.flush()
        stored |= run_and_kill(children, int(generator.integers(1, 4)), generator.uniform(0, 0.03))
        check(tmp_path / "workspace", stored)
    children.communicate(timeout=60)
    assert len(stored) >= 15


def run_and_kill(children: subprocess.Popen[str], steps: int, then_seconds: float) -> set[int]:
    """Kill the child some moments after it has said ``steps`` numbers; return all numbers it said."""
    assert children.stdout is not None
    child, said = 0, set[int]()
    for line in children.stdout:
        if line == "over\n":
            break
        if line.startswith("started"):
            child = int(line.split()[1])
        else:
            said.add(int(line))
        if child and len(said) == steps:
            time.sleep(then_seconds)
            os.kill(child, signal.SIGKILL)
    return said


def check(path: Path, stored: set[int]) -> None:
    with Workspace.open(path) as workspace:
        assert workspace.problems() == []
        samples = workspace.batches.get("batch-1").samples
        decided = workspace.decisions.of("batch-1")
        bundles = {b.name for b in workspace.bundles.list()}
        assert max(stored) < len(samples) <= max(stored) + 2
        assert [s.ordinal for s in samples] == list(range(len(samples)))
        for ordinal in stored:
            assert f"batch-1-{ordinal}" in decided
            assert f"model {ordinal}" in bundles
        assert all((Path(b.path) / "weights").stat().st_size == 200_000 for b in workspace.bundles.list())
        assert not list((path / "unfinished").iterdir())
