"""Batches: told when samples are added to one, and listed with what the guard said."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Cli


def test_samples_are_not_added_to_a_batch_in_silence(place: Path, cli: Cli) -> None:
    words = ("sample", "--bundle", "bundle", "--steps", 2, "--batch-name", "first", "--json")
    words = (*words, "--workspace", place / "workspace")
    new = cli(*words, "-n", 2)
    assert "existing" not in new.err
    assert (new.json["held"], new.json["added"]) == (0, 2)
    more = cli(*words, "-n", 3)
    assert "medsynth: 1 sample added to the existing batch first of 2 samples." in more.err
    assert (more.json["held"], more.json["added"], len(more.json["samples"])) == (2, 1, 3)
    assert "Nothing to add to the existing batch first of 3 samples." in cli(*words, "-n", 3).err


def test_batches_are_listed_with_what_the_guard_said(place: Path, cli: Cli) -> None:
    workspace = ("--workspace", place / "workspace")
    cli("sample", "--bundle", "bundle", "-n", 2, "--steps", 2, "--batch-name", "first", *workspace)
    assert ", not checked" not in (line := cli("batch", "list", *workspace).out)
    assert line.startswith("first: 2 samples of bundle (")
    assert line.endswith("; not checked\n")
    counts = cli("audit", "--batch", "first", *workspace, "--json").json["counts"]
    cli(
        "sample",
        "--bundle",
        "bundle",
        "-n",
        1,
        "--steps",
        2,
        "--seed",
        9,
        "--batch-name",
        "first",
        *workspace,
    )
    (found,) = cli("batch", "list", *workspace, "--json").json["batches"]
    assert (found["name"], found["samples"], found["checked"], found["counts"]) == ("first", 3, 2, counts)
    assert found["bundle"]["name"] == "bundle"
    assert found["created"]
    line = cli("batch", "list", *workspace).out
    assert line.endswith(f"{counts['block']} blocked, 1 not checked\n")
    typed = (
        "threshold",
        "rmse",
        "--review",
        0.2,
        "--block",
        0.1,
        "--why",
        "x",
        "--batch",
        "first",
        *workspace,
    )
    assert cli(*typed, "--who", "Dr Test").code == 0
    told = cli("calibrate", "--cohort", "phantoms", *workspace).err
    assert "which this leaves as they are, have: bundle (" in told
    assert "1 typed); calibrate --batch sets those." in told
