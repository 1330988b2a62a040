"""A workspace in a folder that cannot be written: it can be looked at, and whatever would write says so at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medsynth_desktop.store.workspace import DATABASE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights work otherwise on Windows")
AS_NOBODY = """
import os, sys, tempfile
from contextlib import redirect_stderr, redirect_stdout, suppress
from medsynth_desktop.cli import main

# Nobody may not be allowed to read the environment: run elsewhere first, the command has all its imports.
with open(os.devnull, "w") as nothing, tempfile.TemporaryDirectory() as elsewhere:
    with redirect_stdout(nothing), redirect_stderr(nothing), suppress(SystemExit):
        main([*sys.argv[1:-1], elsewhere])
if os.getuid() == 0:
    os.setuid(65534)
main(sys.argv[1:])
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def closed(imported: Path) -> Iterator[Path]:
    """A copy of the workspace of `imported`, where everybody may enter; each test takes the rights away."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder = Path(shutil.copytree(imported / "workspace", Path(name) / "wörk #1?"))
        yield folder
        folder.chmod(0o755)


@pytest.fixture
def run(closed: Path) -> Run:
    """Run `medsynth` as somebody who may only read."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        for path in (closed, *closed.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        command = [sys.executable, "-c", AS_NOBODY, *words, "--workspace", str(closed)]
        return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)

    return run


@pytest.mark.parametrize(
    "words", [("cohort", "list"), ("cohort", "show", "phantoms"), ("bundle", "list"), ("batch", "list")]
)
def test_it_can_be_looked_at(run: Run, closed: Path, words: tuple[str, ...]) -> None:
    before = sorted(p.name for p in closed.rglob("*"))
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "phantoms: 20 images" in done.stdout or words[0] in ("bundle", "batch")
    assert sorted(p.name for p in closed.rglob("*")) == before


@pytest.mark.parametrize(
    "words", [("cohort", "import", "more", "/nowhere/at/all"), ("approve", "S-1"), ("export", "--out", "x")]
)
def test_what_would_write_says_so_in_one_sentence(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be written (read-only folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_a_killed_process_left_is_not_left_out(run: Run, closed: Path) -> None:
    (closed / f"{DATABASE}-wal").write_bytes(b"a log that only a writer may put in order")
    done = run("cohort", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert "not closed properly" in done.stderr
