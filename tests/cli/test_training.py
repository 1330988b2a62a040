"""What `train` is told about how to compute."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def words(home: Path, out: str, *more: str) -> list[str]:
    start = [
        "train",
        "autoencoder",
        "--workspace",
        str(home / "workspace"),
        "--cohort",
        "phantoms",
        "--json",
    ]
    return [*start, "--preset", "tiny", "--out", str(home / out), "--device", "cpu", *more]


def test_precision_and_memory_are_options(home: Path, cli: Cli) -> None:
    done = cli(*words(home, "bits", "--max-steps", "2", "--precision", "bf16", "--save-memory"))
    assert (done.code, done.json["precision"], done.json["steps"]) == (0, "bf16", 2)
    refused = cli(*words(home, "none", "--precision", "16"))
    assert refused.code == 1
    assert "CUDA" in refused.err
    refused = cli(*words(home, "none", "--devices", "5"))
    assert refused.code == 1
    assert "divides 2" in refused.err


@pytest.mark.slow
def test_two_processes_answer_as_one(home: Path) -> None:
    """Both write to one terminal: there is one document, and nothing that only another process had to say."""
    command = [
        sys.executable,
        "-m",
        "medsynth_desktop",
        *words(home, "two", "--max-steps", "2", "--devices", "2"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 2
    assert "Warning" not in done.stderr
    assert "rank" not in done.stderr.lower()
