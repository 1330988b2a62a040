"""`medsynth study`: draw up, give, read, take in; what is refused and what a reader can see."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medsynth_desktop.store.cohorts import NewImage
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.studies.reading import Reading
from medsynth_desktop.workbench.study_rating import show_case
from tests.cli.conftest import Cli
from tests.cli.study_words import (
    CHIEF,
    READERS,
    Say,
    environment,
    make_workspace,
    secret,
    speaker,
    write_answers,
)

CREATE = (
    "create",
    "looks",
    "--cohort",
    "real",
    "--batch",
    "drawn",
    "--readers",
    ",".join(READERS),
    "--seed",
    0,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("study"))


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(made, tmp_path / "home"))


@pytest.fixture
def say(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    return speaker(cli, home, monkeypatch)


def test_a_study_is_drawn_by_its_seed_and_tells_its_width(say: Say) -> None:
    told = say(*CREATE, "--real", 6, "--synthetic", 8, "--training", 2, "--repeats", 0.2)
    assert (told["real"], told["synthetic"], told["training"], told["showings"]) == (6, 8, 2, 14 + 2 + 3)
    assert 0 < told["expected_width"]["all"] < told["expected_width"]["real"] < 1
    assert "exists" in say("export", "looks", "--reader", "anna", "--out", __file__, reader="anna", code=1)
    assert [s["name"] for s in say("list")["studies"]] == ["looks"]
    assert "looks" in say("show", "nothing", code=1)


def test_what_is_shown_of_a_study_tells_no_truth(say: Say, home: Path) -> None:
    say(*CREATE, "--real", 4, "--synthetic", 4)
    say("export", "looks", "--reader", "anna", reader="anna")
    shown = str(say("show", "looks")) + str(say("list"))
    for path in (home / "studies").rglob("*"):
        shown += path.read_bytes().decode("latin-1") if path.is_file() else path.name
    for secret_word in ("synthetic", "S-drawn", "P-0", '"real"', "seed", "drawn"):
        assert secret_word not in shown


def test_the_design_is_frozen_when_the_first_reader_starts_not_before(say: Say, tmp_path: Path) -> None:
    first = say(*CREATE)
    assert "choose another name, or give --replace" in say(*CREATE, code=1)
    say("export", "looks", "--reader", "anna", "--out", tmp_path / "early.study", reader="anna")
    early = write_answers(tmp_path / "early.csv", range(1, 2))
    say("rate", "--file", tmp_path / "early.study", "--answers", early, reader="anna")
    second = say(*CREATE, "--replace", "--seed", 5)
    assert second["hash"] != first["hash"]
    assert not second["frozen"]
    assert "an earlier design" in say("merge", "looks", tmp_path / "early.answers", code=1)
    say("export", "looks", "--reader", "ben", reader="ben")
    assert not say("show", "looks")["frozen"]
    rows = write_answers(tmp_path / "one.csv", range(1, 3))
    told = say("rate", "--study", "looks", "--reader", "ben", "--answers", rows, reader="ben")
    assert (told["new"], told["done"], told["complete"]) == (6, 2, False)
    shown = say("show", "looks")
    assert shown["frozen"]
    assert shown["hash"] == second["hash"]
    assert shown["progress"] == {"anna": 0, "ben": 2, "cleo": 0}
    assert "is frozen since" in say(*CREATE, "--replace", code=1)


def test_answers_merge_once_and_a_contradiction_is_one_sentence(say: Say, tmp_path: Path) -> None:
    say(*CREATE)
    file = tmp_path / "anna.study"
    say("export", "looks", "--reader", "anna", "--out", file, reader="anna")
    say("rate", "--file", file, "--answers", write_answers(tmp_path / "a.csv", range(1, 4)), reader="anna")
    log = tmp_path / "anna.answers"
    (tmp_path / "other.answers").write_bytes(log.read_bytes())
    assert say("merge", "looks", log)["files"][0]["new"] == 9
    assert say("merge", "looks", log)["files"][0]["new"] == 0
    more = write_answers(tmp_path / "b.csv", range(4, 6))
    say("rate", "--file", file, "--answers", more, reader="anna")
    other = write_answers(tmp_path / "c.csv", range(4, 5), lambda case: "D")
    words = ("--answers", other, "--log", tmp_path / "other.answers")
    say("rate", "--file", file, *words, reader="anna")
    assert say("merge", "looks", log)["progress"]["anna"] == 5
    assert "agree up to answer 9" in say("merge", "looks", tmp_path / "other.answers", code=1)
    assert say("show", "looks")["progress"]["anna"] == 5
    assert "password is wrong" in say("merge", "looks", log, code=1, chief="not the chief")


def test_passwords_come_from_files_or_variables_and_differ(
    say: Say, tmp_path: Path, cli: Cli, home: Path
) -> None:
    assert "at least 8 characters" in say(*CREATE, chief="short", code=1)
    say(*CREATE)
    export = ("export", "looks", "--reader", "anna")
    assert "not the investigator's" in say(*export, "--reader-password-file", _file(tmp_path, CHIEF), code=1)
    assert "no terminal to ask" in say(*export, code=1)
    say(*export, "--reader-password-file", _file(tmp_path, secret("anna")))
    rows = write_answers(tmp_path / "one.csv", range(1, 2))
    words = ("rate", "--study", "looks", "--reader", "anna", "--answers", rows)
    assert "password is wrong" in say(*words, reader="ben", code=1)
    assert "no reader 'dan'" in say("rate", "--study", "looks", "--reader", "dan", reader="dan", code=1)
    assert cli("study", "rate", "--reader", "anna", "--workspace", home).code == 2


def _file(folder: Path, words: str) -> Path:
    (folder / "password").write_text(words + "\n")
    return folder / "password"


def test_reading_step_by_step_shows_one_nameless_image(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(*CREATE, "--real", 3, "--synthetic", 3, "--repeats", 0)
    say("export", "looks", "--reader", "anna", "--out", tmp_path / "a.study", reader="anna")
    typed = "D\nnonsense\nc\nundo\nB\n1\nundo\nC\n\nA\nA\nA\n\nC\npause\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    words = ("rate", "--file", tmp_path / "a.study", "--images", tmp_path / "shown")
    told = say(*words, reader="anna")
    assert (told["done"], told["new"]) == (2, 5 + 3 + 1)
    assert [p.name for p in (tmp_path / "shown").iterdir()] == ["case.nii"]
    shown = nibabel.load(tmp_path / "shown" / "case.nii")
    assert shown.header.get_zooms()[:2] == (4.0, 4.0)
    monkeypatch.setattr(sys, "stdin", io.StringIO("A\nA\n\n" + "A\nA\nA\n\n" * 9))
    told = say(*words, reader="anna")
    assert told["complete"]
    assert told["new"] == 4 * 3 - 1


def test_comments_and_places_from_a_terminal(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"id": "place", "text": "The least real place", "form": "point"}))
    asked = ("--question", own, "--question", "comment")
    say(*CREATE, "--real", 1, "--synthetic", 1, "--repeats", 0, *asked)
    say("export", "looks", "--reader", "anna", "--out", tmp_path / "a.study", reader="anna")
    typed = "comment, no word of ours\ncomment ribs are missing\n3,4\ncomment two ribs\nnone\n\nnone\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    told = say("rate", "--file", tmp_path / "a.study", reader="anna")
    assert (told["new"], told["complete"]) == (2, True)
    say("merge", "looks", tmp_path / "a.answers")
    say("report", "looks", "--out", tmp_path / "report")
    rows = list(csv.DictReader((tmp_path / "report" / "answers.csv").open()))
    given = [(row["question"], row["answer"]) for row in rows]
    assert given == [
        ("comment", "ribs are missing"), ("place", "[3.0, 4.0]"), ("comment", "two ribs"), ("place", "null"),
    ]  # fmt: skip
    reading = Reading(tmp_path / "a.study", secret("anna"), tmp_path / "a.answers")
    centre = reading.volume(0).affine @ [3, 4, 0, 1]
    assert [row["answer_mm"] for row in rows] == ["", json.dumps(centre[:3].tolist()), "", ""]
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "two ribs" in page
    assert "are missing" not in page, "what was said before is changed; answers.csv keeps it"


def test_a_killed_reading_is_given_the_same_table_again(say: Say, home: Path, tmp_path: Path) -> None:
    say(*CREATE, "--repeats", 0)
    say("export", "looks", "--reader", "anna", "--out", tmp_path / "a.study", reader="anna")
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from medsynth_desktop.studies.reading import Reading\n"
        "from medsynth_desktop.workbench.study_rating import answer_all, read_rows\n"
        "reading = Reading(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))\n"
        "for step in answer_all(reading, read_rows(Path(sys.argv[4]))):\n"
        "    if step.done == 10: os.kill(os.getpid(), 9)\n"
    )
    table = write_answers(tmp_path / "all.csv", range(1, 21))
    words = [tmp_path / "a.study", secret("anna"), tmp_path / "a.answers", table]
    assert subprocess.run([sys.executable, "-c", code, *map(str, words)], check=False).returncode == -9
    told = say("rate", "--file", tmp_path / "a.study", "--answers", table, reader="anna")
    assert (told["new"], told["complete"]) == (60 - 10, True)


def test_a_reader_moves_to_another_computer_without_loss(say: Say, tmp_path: Path) -> None:
    say(*CREATE, "--repeats", 0)
    say("export", "looks", "--reader", "anna", reader="anna")
    first = write_answers(tmp_path / "first.csv", range(1, 5))
    say("rate", "--study", "looks", "--reader", "anna", "--answers", first, reader="anna")
    file = tmp_path / "anna.study"
    say("export", "looks", "--reader", "anna", "--out", file, reader="anna")
    rest = write_answers(tmp_path / "rest.csv", range(5, 21))
    assert say("rate", "--file", file, "--answers", rest, reader="anna")["complete"]
    assert say("merge", "looks", tmp_path / "anna.answers")["files"][0]["new"] == 16 * 3
    assert "not written over" in say(
        "export", "looks", "--reader", "anna", "--out", tmp_path / "anna.new", reader="anna", code=1
    )


def test_reading_needs_neither_torch_nor_a_workspace(say: Say, tmp_path: Path) -> None:
    say(*CREATE, "--repeats", 0)
    say("export", "looks", "--reader", "anna", "--out", tmp_path / "a.study", reader="anna")
    rows = write_answers(tmp_path / "a.csv", range(1, 21))
    words = ["study", "rate", "--file", tmp_path / "a.study", "--answers", rows]
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('torch', 'monai', 'lightning', 'qtpy', 'napari', 'scipy', 'sqlalchemy'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"from medsynth_desktop.cli import main\nmain({[str(w) for w in words]!r})\n"
    )
    none = {**environment(tmp_path / "none", "anna"), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=none, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "20 of 20 cases done; hand a.answers back" in done.stdout
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("case,question\n1,appearance\n", "no column answer"),
        ("case,question,answer\nx,appearance,A\n", "Line 2 of .*whole number from 1"),
        ("case,question,answer\n1,beauty,A\n", "no question 'beauty'"),
        ("case,question,answer\n1,appearance,E\n", "type A to D"),
        ("case,question,answer\n2,appearance,A\n", "not to be answered now"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(say: Say, tmp_path: Path, text: str, told: str) -> None:
    import re

    say(*CREATE)
    say("export", "looks", "--reader", "anna", "--out", tmp_path / "a.study", reader="anna")
    (tmp_path / "a.csv").write_text(text)
    words = ("rate", "--file", tmp_path / "a.study", "--answers", tmp_path / "a.csv")
    assert re.search(told, say(*words, reader="anna", code=1))


def test_the_image_of_each_case_has_one_header_and_size(say: Say, tmp_path: Path) -> None:
    say(*CREATE, "--repeats", 0)
    say("export", "looks", "--reader", "anna", "--out", tmp_path / "a.study", reader="anna")
    reading = Reading(tmp_path / "a.study", secret("anna"), tmp_path / "a.answers")
    files = [show_case(reading, n, tmp_path / "shown").read_bytes() for n in range(len(reading))]
    assert len({len(file) for file in files}) == 1
    assert len({file[:352] for file in files}) == 1  # the whole NIfTI header


def test_what_tells_the_kinds_apart_is_said_at_once(say: Say, home: Path) -> None:
    assert say(*CREATE)["tells"] == []
    assert "fewer than 7 cases" in say(*CREATE, "--real", 3, "--replace")["tells"][0]
    with Workspace.open(home) as workspace:
        coarser = [workspace.arrays.get(i.array_hash) for i in workspace.cohorts.get("real").images]
        workspace.cohorts.begin("coarse", workspace.cohorts.get("real").recipe)
        for number, image in enumerate(coarser):
            array = workspace.arrays.put((np.round(image * 16) / 16).astype(np.float32))
            workspace.cohorts.add_image("coarse", NewImage(f"b{number}", array, f"b{number}"))
        workspace.cohorts.finish("coarse", lambda known: dict.fromkeys(known, "train"), [])
    words = ("create", "coarse", "--cohort", "coarse", "--batch", "drawn", "--readers", "anna")
    assert any("step between levels tells" in told for told in say(*words)["tells"])
    assert "share of the range" in say(*words, "--replace", "--floor", 0.9, code=1)


def test_cases_by_hand_and_own_questions(say: Say, tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text('{"id": "ok", "text": "Is it fit for teaching?", "form": "yes-no"}')
    words = ("--case", "P-0001-1", "--case", "S-drawn-003", "--question", tmp_path / "q.json", "--repeats", 0)
    told = say(*CREATE, *words)
    assert (told["real"], told["synthetic"], told["questions"]) == (1, 1, ["ok"])
    assert "P-0099-1 is no image" in say(*CREATE, "--case", "P-0099-1", "--replace", code=1)
    (tmp_path / "q.json").write_text('{"id": "ok"}')
    assert "A question has id, text" in say(*CREATE, *words, "--replace", code=1)
    assert "no approved sample" in say(
        "create", "b", "--batch", "drawn", "--readers", "a", "--approved", code=1
    )
