"""Whatever a user does wrong: the right exit code, one clear sentence on stderr, no traceback, nothing on stdout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REFUSED = {
    "a file that is not there": ["mesh", "absent.nii"],
    "an empty file": ["mesh", "empty.nii"],
    "a text file": ["mesh", "words.nii.gz"],
    "an array of Python objects": ["mesh", "objects.npy"],
    "a constant image": ["mesh", "constant.npy"],
    "a folder that is no bundle": ["bundle", "inspect", "folder"],
    "a file that is no bundle": ["bundle", "inspect", "words.nii.gz"],
    "an unknown cohort": ["cohort", "show", "nobody"],
    "a cohort of nothing": ["cohort", "import", "heads", "folder"],
    "an unknown bundle": ["sample", "--bundle", "nothing"],
    "an unknown batch": ["audit", "--batch", "nothing"],
    "an unknown benchmark": ["bench", "nothing"],
}
WRONG_USAGE = {
    "an unknown command": ["frobnicate"],
    "a missing argument": ["cohort", "show"],
    "an unknown option": ["cohort", "list", "--colour"],
    "a word for a number": ["sample", "--bundle", "b", "-n", "many"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A current folder with input of the worst kind."""
    import numpy as np

    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.nii").touch()
    (tmp_path / "words.nii.gz").write_text("these are words")
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    np.save(tmp_path / "constant.npy", np.ones((4, 4, 4), np.float32))
    return tmp_path


def medsynth(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "medsynth_desktop", *words, "--workspace", str(folder / "workspace")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("words", REFUSED.values(), ids=REFUSED.keys())
def test_refusal_is_one_sentence(words: list[str], folder: Path) -> None:
    done = medsynth(words, folder)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "unexpected fault" not in done.stderr
    assert done.stdout == ""
    told = [line for line in done.stderr.splitlines() if line.startswith("medsynth: ")]
    assert len(told) == 1
    assert len(told[0]) > 20
    assert str(folder) not in told[0], "a message must not carry the path of a machine"


@pytest.mark.parametrize("words", WRONG_USAGE.values(), ids=WRONG_USAGE.keys())
def test_wrong_usage_is_2(words: list[str], folder: Path) -> None:
    done = medsynth(words, folder)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
