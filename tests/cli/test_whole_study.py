"""A whole study through the commands: three readers, repeats, training, a kill, a second machine, merge, report."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.studies.statistics.agreement import measure_agreement
from medsynth_desktop.workbench.studying import investigators
from tests.cli.conftest import Cli
from tests.cli.study_words import CHIEF, READERS, environment, make_workspace, secret, speaker, write_answers

DESIGN = ("--real", 8, "--synthetic", 8, "--training", 2, "--repeats", 0.25, "--block", 4, "--seed", 3)
SHOWINGS = 16 + 2 + 4


def rating(reader: int, showing: int) -> str:
    """What a reader answers to a showing; by hand computable."""
    return "ABCD"[(showing + reader * (showing % 5 == 0)) % 4]


def test_a_whole_study(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_workspace(tmp_path)
    say = speaker(cli, home, monkeypatch)
    create = ("create", "looks", "--cohort", "real", "--batch", "drawn", "--readers", ",".join(READERS))
    questions = ("--question", "published", "--question", "real-or-synthetic")
    say(*create, *DESIGN, *questions)
    with Workspace.open(home) as workspace:
        study = investigators(workspace, "looks", CHIEF)
    truth = {case.id: case.synthetic for case in study.design.cases}
    tables = {}
    for number, reader in enumerate(READERS):
        path = write_answers(
            tmp_path / f"{reader}.csv", range(1, SHOWINGS + 1), lambda n, r=number: rating(r, n)
        )
        tables[reader] = add_origins(path, [truth[s.case] for s in study.orders[reader]], number)
    # anna reads on the investigator's computer and is killed in the middle
    say("export", "looks", "--reader", "anna", reader="anna")
    kill_while_reading(home, tables["anna"])
    told = say("show", "looks")
    assert 0 < told["progress"]["anna"] < SHOWINGS
    told = say("rate", "--study", "looks", "--reader", "anna", "--answers", tables["anna"], reader="anna")
    assert (told["complete"], told["showings"]) == (True, SHOWINGS)
    assert 0 < told["new"] < SHOWINGS * 4
    # ben and cleo read elsewhere: nothing but the file goes there, and no workspace is made
    for reader in READERS[1:]:
        elsewhere = tmp_path / f"{reader}'s"
        elsewhere.mkdir()
        say("export", "looks", "--reader", reader, "--out", elsewhere / "looks.study", reader=reader)
        words = ("--file", elsewhere / "looks.study", "--reader", reader, "--answers", tables[reader])
        done = cli("study", "rate", *words, "--workspace", elsewhere / "none", "--json")
        assert done.code == 0, done.err
        assert sorted(p.name for p in elsewhere.iterdir()) == ["looks.answers", "looks.study"]
        assert done.json["complete"]
        say("merge", "looks", elsewhere / "looks.answers")
    say("merge", "looks", tmp_path / "ben's" / "looks.answers", tmp_path / "cleo's" / "looks.answers")
    assert say("show", "looks")["progress"] == dict.fromkeys(READERS, SHOWINGS)
    document = say("report", "looks", "--out", tmp_path / "report")
    check_numbers(study, document, tmp_path / "report")
    check_page((tmp_path / "report" / "report.html").read_text("utf-8"))


def add_origins(path: Path, truth: list[bool], reader: int) -> Path:
    """Answers to real or synthetic: right but for every third case of each reader, sure by the number."""
    with path.open("a", newline="") as stream:
        rows = csv.writer(stream)
        for number, synthetic in enumerate(truth, 1):
            right = (number + reader) % 3 > 0
            rows.writerow([number, "origin", f"{'s' if synthetic is right else 'r'} {10 + number}", 3])
    lines = path.read_text().splitlines()
    by_case = sorted(lines[1:], key=lambda line: int(line.partition(",")[0]))
    path.write_text("\n".join([lines[0], *by_case]) + "\n")
    return path


def kill_while_reading(home: Path, table: Path) -> None:
    code = (
        "import os\nfrom medsynth_desktop.studies.answers import AnswerLog\n"
        "add, left = AnswerLog.add, iter(range(30))\n"
        "def dying(self, *words):\n"
        "    add(self, *words)\n"
        "    if next(left, None) is None: os.kill(os.getpid(), 9)\n"
        "AnswerLog.add = dying\n"
        "from medsynth_desktop.cli import main\n"
        f"main(['study', 'rate', '--study', 'looks', '--reader', 'anna', '--answers', {str(table)!r}])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(home, "anna"), capture_output=True, check=False
    )
    assert done.returncode == -9, done.stderr


def check_numbers(study: Any, document: Any, folder: Path) -> None:
    """The report's numbers are those of the answers, computed here from the tables."""
    assert document["done"] == dict.fromkeys(READERS, SHOWINGS)
    assert json.loads((folder / "results.json").read_text())["numbers"] == document["numbers"]
    cases = [case.id for case in study.design.cases if not case.training]
    ratings, again = np.full((2, 3, len(cases)), np.nan)
    for row, reader in enumerate(READERS):
        for number, showing in enumerate(study.orders[reader], 1):
            if not showing.training:
                at = row, cases.index(showing.case)
                (again if showing.repeat else ratings)[at] = 1 + "ABCD".index(rating(row, number))
    lines = {(n["part"], n["question"], n["measure"], n["reader"], n["kind"]): n for n in document["numbers"]}
    agreed = measure_agreement(ratings, 4)
    assert (
        lines["agreement", "anatomy", "Gwet's AC2 (quadratic)", "all readers", "all"]["value"]
        == agreed.ac2.value
    )
    synthetic = np.array([case.synthetic for case in study.design.cases if not case.training])
    good = (ratings[1][synthetic] >= 3).mean()
    assert lines["good", "anatomy", "C or better", "ben", "synthetic"]["value"] == pytest.approx(good)
    same = (ratings == again)[~np.isnan(again)].mean()
    assert lines["intra", "anatomy", "raw agreement", "all readers", "all"]["value"] == pytest.approx(same)
    assert lines["recognition", "origin", "accuracy", "anna", "all"]["value"] == pytest.approx(
        accuracy(study, 0)
    )
    for found in document["numbers"]:
        assert found["value"] is not None or found["undefined"], found
        assert found["low"] is not None or found["undefined"], found
    entries = list(csv.DictReader((folder / "answers.csv").open()))
    assert len(entries) == 3 * SHOWINGS * 4
    rows = list(csv.DictReader((folder / "imrmc.csv").open()))
    assert sum(row["readerID"] == "truth" for row in rows) == len(cases)
    assert len(rows) == len(cases) + 3 * len(cases) * 4
    plain = list(csv.DictReader((folder / "mrmcaov.csv").open()))
    assert set(plain[0]) == {"reader", "treatment", "case", "truth", "rating"}
    assert {row["truth"] for row in plain} == {"0", "1"}


def accuracy(study: Any, reader: int) -> float:
    order = study.orders[READERS[reader]]
    right = [
        (number + reader) % 3 > 0 for number, s in enumerate(order, 1) if not s.training and not s.repeat
    ]
    return float(np.mean(right))


def check_page(page: str) -> None:
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    for word in (
        "Realistic image appearance",
        "ROC curves",
        "Krippendorff",
        "Mann and Whitney",
        "Obuchowski",
    ):
        assert word in page
    assert "Cases rated C or better" in page
    assert "3 readers each judged 16 cases, 8 synthetic and 8 real" in page
    assert "4 cases were shown again" in page
    assert page.count("<svg") == 3 * 3 + 1 + 1


def test_nothing_is_reported_before_anybody_answered(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = speaker(cli, make_workspace(tmp_path), monkeypatch)
    say("create", "looks", "--batch", "drawn", "--readers", "anna", "--repeats", 0, "--synthetic", 4)
    assert "Nobody has answered" in say("report", "looks", "--out", tmp_path / "r", code=1)
    say("export", "looks", "--reader", "anna", "--out", tmp_path / "a.study", reader="anna")
    rows = write_answers(tmp_path / "a.csv", range(1, 3), lambda case: "D")
    say("rate", "--file", tmp_path / "a.study", "--answers", rows, reader="anna")
    say("merge", "looks", tmp_path / "a.answers")
    told = say("report", "looks", "--out", tmp_path / "r")
    assert "anna has read 2 of 4 showings." in told["cautions"]
    assert any("of one kind" in caution for caution in told["cautions"])
    for found in told["numbers"]:
        assert found["value"] is not None or found["undefined"], found


def test_a_reader_has_no_use_for_the_investigators_verbs(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = speaker(cli, make_workspace(tmp_path), monkeypatch)
    say("create", "looks", "--batch", "drawn", "--readers", "anna", "--synthetic", 4)
    for words in (("report", "looks", "--out", tmp_path / "r"), ("export", "looks", "--reader", "anna")):
        assert "password is wrong" in say(*words, reader="anna", chief=secret("anna"), code=1)
