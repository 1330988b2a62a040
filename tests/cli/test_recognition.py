"""`medsynth train identity`, and what the guard does with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.similarity.features.own import load_recogniser
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.recognition import train_recognition, unfinished
from tests.cli.conftest import Cli


def test_trained_told_and_asked_by_the_guard(cli: Cli, home: Path) -> None:
    shared = ["--workspace", home / "workspace", "--json"]
    plain = cli("calibrate", "--cohort", "phantoms", *shared).json["metrics"]
    assert not {"retrieval", "verification"} & set(plain)
    done = cli("train", "identity", "--cohort", "phantoms", "--max-steps", 3, "--device", "cpu", *shared).json
    assert (done["steps"], len(done["losses"])) == (3, 3)
    (copies,) = done["recognition"]
    assert copies["pairs"] == "images and disguised copies of them"
    assert (copies["patients"], copies["asked"]) == (6, 6)
    low, high = copies["auc_interval"]
    assert 0 <= low <= copies["auc"] <= high <= 1
    least, most = copies["precision_interval"]
    assert 0 <= least <= copies["precision"] <= most <= 1
    assert "AUC" in done["told"][0]
    assert "precision@1" in done["told"][0]
    # Three steps teach nothing: six patients do not show that either network does better than chance.
    assert done["asked"] == []
    assert "no better than chance" in done["told"][-1]
    limits = cli("calibrate", "--cohort", "phantoms", *shared).json["metrics"]
    assert limits == plain
    named = _say_they_do_well(home / "workspace", done["hash"])
    limits = cli("calibrate", "--cohort", "phantoms", *shared).json["metrics"]
    assert {"retrieval", "verification"} <= set(limits)
    assert plain["correlation"] == limits["correlation"]
    with Workspace.open(home / "workspace") as workspace:
        cohort = workspace.cohorts.get("phantoms")
        recogniser = load_recogniser(workspace, cohort)
        assert recogniser is not None
        assert recogniser.fingerprint == named
        assert not unfinished(workspace, cohort)
        record = cohort.split("train")[0]
        path = workspace.arrays.path(record.array_hash)
    audited = cli("audit", "--cohort", "phantoms", path, *shared)
    assert audited.code == 3
    (verdict,) = audited.json["verdicts"]
    assert verdict["metrics"]["retrieval"] == pytest.approx(1, abs=1e-6)
    assert cli("features", "use", "own", "--cohort", "phantoms", *shared).code == 0
    (verdict,) = cli("audit", "--cohort", "phantoms", path, *shared).json["verdicts"]
    assert verdict["metrics"]["dictionary"] == pytest.approx(0, abs=1e-6)


def _say_they_do_well(home: Path, known: str) -> str:
    """Let the measurements of the networks ``known`` say that they recognise unseen patients; return their new hash."""
    with Workspace.open(home) as workspace:
        cohort = workspace.cohorts.get("phantoms")
        stored = workspace.recognisers.get(cohort.hash)
        assert stored is not None
        assert stored.hash == known
        well = {"auc_interval": [0.9, 0.99], "precision_interval": [0.5, 0.9]}
        measured = [{**one, **well} for one in stored.facts["measured"]]
        return workspace.recognisers.put(cohort.hash, {**stored.facts, "measured": measured}, stored.weights)


def test_a_training_that_stopped_goes_on_to_the_same_networks(cli: Cli, home: Path) -> None:
    words = ["train", "identity", "--cohort", "phantoms"]
    shared = ["--device", "cpu", "--workspace", home / "workspace", "--json"]
    with Workspace.open(home / "workspace") as workspace:
        steps = train_recognition(workspace, "phantoms", max_steps=3, seed=5, device="cpu")
        for progress in steps:
            if "loss" in progress.message:
                break
        steps.close()
        assert unfinished(workspace, workspace.cohorts.get("phantoms"))
    assert "add --resume to go on or --anew" in cli(*words, *shared).err
    assert "begun with --seed 5; got 1" in cli(*words, "--resume", "--seed", 1, *shared).err
    resumed = cli(*words, "--resume", *shared).json
    assert cli(*words, "--resume", *shared).code == 1  # there is nothing left to resume
    whole = cli(*words, "--max-steps", 3, "--seed", 5, *shared).json
    assert resumed["losses"] == whole["losses"]
    assert resumed["recognition"] == whole["recognition"]


def test_damaged_networks_stop_the_guard(home: Path) -> None:
    """A guard that silently asked one witness less would let more through."""
    with Workspace.open(home / "workspace") as workspace:
        cohort = workspace.cohorts.get("phantoms")
        workspace.recognisers.put(cohort.hash, {"shape": {"spatial_dims": 3}, "grid": [1], "side": 3}, b"x")
        with pytest.raises(StoreFailed, match="another version"):
            load_recogniser(workspace, cohort)
