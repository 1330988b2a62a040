"""From study to release: readers' ratings beside the verdicts, and a release that asks for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import Nearest, Threshold, Verdict
from medsynth_desktop.guard.policy import make_policy
from medsynth_desktop.releases.ratings import RatedQuestion, RatingRule, make_rule, why_not_rated
from medsynth_desktop.store.studies import SampleRatings
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.rated import require_ratings
from medsynth_desktop.workbench.studying import investigators
from tests.cli.conftest import Cli
from tests.cli.study_words import CHIEF, Say, make_workspace, speaker, write_answers
from tests.gui.judged_workspace import BATCH, audited, fill

GOOD, POOR = "S-drawn-000", "S-drawn-001"
"""Two samples; readers rate the second badly."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace whose ten samples all pass the guard."""
    folder = make_workspace(tmp_path)
    with Workspace.open(folder) as workspace:
        cohort = workspace.cohorts.get("real")
        policy = make_policy(cohort.hash, [Threshold("correlation", 0.8, 0.9)])
        workspace.policies.put(policy)
        samples = [s.id for s in workspace.batches.get("drawn").samples]
        passed = [
            Verdict(s, "pass", (), {"correlation": 0.1}, Nearest(s, (), 0.5), policy.hash) for s in samples
        ]
        workspace.verdicts.put("drawn", passed)
    return folder


@pytest.fixture
def say(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    return speaker(cli, home, monkeypatch)


def read_all(say: Say, home: Path, folder: Path, readers: tuple[str, ...]) -> None:
    """Each of ``readers`` rates every case D, but `POOR` B."""
    with Workspace.open(home) as workspace:
        study = investigators(workspace, "looks", CHIEF)
    for reader in readers:
        shown = [s.case for s in study.orders[reader]]
        table = write_answers(
            folder / f"{reader}.csv",
            range(1, len(shown) + 1),
            lambda n, s=shown: "B" if s[n - 1] == POOR else "D",
        )
        say("export", "looks", "--reader", reader, reader=reader)
        say("rate", "--study", "looks", "--reader", reader, "--answers", table, reader=reader)


def test_a_release_that_asks_for_ratings(say: Say, home: Path, cli: Cli, tmp_path: Path) -> None:
    rest = ("--workspace", home)
    approve = ("approve", GOOD, "--who", "Dr A", *rest)
    assert say("require")["readers"] == 0
    assert (
        say("require", "--readers", 2, "--median", "C")["words"] == "at least 2 readers, median C or better"
    )
    refused = cli(*approve)
    assert refused.code == 3
    assert f"{GOOD} was rated by 0 of 2 readers whom the release policy asks for." in refused.err
    words = ("--batch", "drawn", "--readers", "anna,ben", "--repeats", 0, "--synthetic", 10)
    say("create", "looks", *words)
    read_all(say, home, tmp_path, ("anna",))
    assert "ben of 'looks' have not finished" in say("ratings", "looks", code=1)
    say("ratings", "looks", "--unfinished")
    assert "by 1 of 2 readers" in cli(*approve).err
    read_all(say, home, tmp_path, ("ben",))
    rows = {row["id"]: row for row in say("ratings", "looks")["samples"]}
    assert rows[POOR]["verdict"] == "pass"
    assert rows[POOR]["ratings"][0] == {"question": "anatomy", "options": 4, "readers": 2, "median": 2}
    assert cli(*approve).code == 0
    refused = cli("approve", POOR, "--who", "Dr A", *rest)
    assert refused.code == 3
    told = f"{POOR} was rated anatomy B (2 readers); the release policy asks for at least 2 readers, median C"
    assert told in refused.err
    out = tmp_path / "package"
    export = ("export", "--batch", "drawn", "--cohort", "real", "--formats", "nifti", *rest)
    assert cli(*export, "--out", out).code == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["ratings_asked_for"] == "at least 2 readers, median C or better"
    assert [r["median"] for r in manifest["samples"][0]["ratings"]] == [4, 4, 4]
    assert "anna" not in (out / "manifest.json").read_text()
    assert cli("verify", out).code == 0
    say("require", "--readers", 3)
    refused = cli(*export, "--out", tmp_path / "second")
    assert refused.code == 3
    assert "by 2 of 3 readers" in refused.err
    say("require", "--off")
    assert cli("approve", POOR, "--who", "Dr A", *rest).code == 0
    assert say("require", "--readers", 2, "--off", code=2)


def test_all_are_judged_before_any_is_approved(say: Say, home: Path, cli: Cli) -> None:
    say("require", "--readers", 1)
    refused = cli("approve", GOOD, POOR, "--who", "Dr A", "--workspace", home)
    assert refused.code == 3
    assert "1 more sample lacks it too." in refused.err
    with Workspace.open(home) as workspace:
        assert not workspace.decisions.of("drawn")


def test_all_that_pass_are_approved_but_for_those_not_rated_as_asked(cli: Cli, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "judged") as workspace:
        audited(fill(workspace))
        passing = [s for s, v in workspace.verdicts.get(BATCH).items() if v.verdict == "pass"]
        rated, unrated = passing[:2], passing[2:]
        assert unrated
        good = {s: {"anatomy": {"anna": 4}} for s in rated}
        workspace.studies.put_ratings("looks", SampleRatings("looks", "hash", {"anatomy": 4}, good))
        require_ratings(workspace, make_rule(1, "C"))
    words = (
        "approve",
        "--batch",
        BATCH,
        "--all-passing",
        "--who",
        "Dr A",
        "--workspace",
        tmp_path / "judged",
        "--json",
    )
    done = cli(*words)
    assert done.code == 0, done.err
    assert {item["id"] for item in done.json["items"]} == set(rated)
    assert "medsynth: left out: S-" in done.err
    assert "was rated by 0 of 1 readers" in done.err
    assert cli(*words).code == 3


def test_the_rule_by_hand() -> None:
    rated = {
        "a": RatedQuestion("a", 4, {"x": 2, "y": 3, "z": 4}),
        "b": RatedQuestion("b", 4, {"x": 3, "y": 2}),
    }
    assert why_not_rated(RatingRule(3, 3, ("a",)), "s", rated) == ""
    assert "by 2 of 3 readers" in why_not_rated(RatingRule(3, 3), "s", rated)
    assert "rated b B to C (2 readers)" in why_not_rated(RatingRule(2, 3), "s", rated)
    assert "on c by 0 of 1" in why_not_rated(RatingRule(1, 1, ("c",)), "s", rated)
    assert why_not_rated(RatingRule(1, 1), "s", {}) != ""
    assert make_rule(2, "c") == RatingRule(2, 3)
    for readers, median in ((0, "C"), (2, "CC"), (2, "?")):
        with pytest.raises(InputRefused, match="at least one reader and a median"):
            make_rule(readers, median)
