"""A workspace with ten real and ten synthetic pictures, and what a reader of a study of them answers."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medsynth_desktop.cli.passwords import READER, STUDY
from medsynth_desktop.store.workspace import Workspace
from tests.cli.conftest import Cli
from tests.workbench.small import add_samples, open_small

CHIEF = "the chief's words"
READERS = ("anna", "ben", "cleo")
Say = Callable[..., Any]


def make_workspace(folder: Path, dims: int = 2, each: int = 10) -> Path:
    """The cohort ``real`` and the batch ``drawn``, of ``each`` images, in a new workspace; its folder."""
    with Workspace.open(folder / "workspace") as workspace:
        _, bundle = open_small(workspace, folder, dims, each - 4)
        add_samples(workspace, bundle, count=each)
    return folder / "workspace"


def speaker(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Run ``medsynth study`` in the workspace ``home``, passwords in the environment; the JSON that it prints."""

    def say(*words: object, reader: str = "", code: int = 0, chief: str = CHIEF) -> Any:
        monkeypatch.setenv(STUDY, chief)
        monkeypatch.setenv(READER, secret(reader))
        done = cli("study", *words, "--workspace", home, "--json")
        assert done.code == code, done.err
        return done.json if code == 0 else done.err

    return say


def secret(reader: str) -> str:
    return f"{reader} reads here" if reader else ""


def write_answers(
    path: Path, cases: range, rating: Callable[[int], str] = lambda case: "ABCD"[case % 4]
) -> Path:
    """A table with answers to the three published questions; each took case + 1 seconds."""
    with path.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["case", "question", "answer", "seconds"])
        for case in cases:
            for question in ("appearance", "consistency", "anatomy"):
                table.writerow([case, question, rating(case), case + 1])
    return path


def environment(home: Path, reader: str) -> dict[str, str]:
    """Of a process that reads."""
    return {**os.environ, READER: secret(reader), "MEDSYNTH_WORKSPACE": str(home)}
