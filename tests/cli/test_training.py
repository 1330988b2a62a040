"""What `train` is told about how to compute."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from medsynth_desktop.cohorts.access import load_arrays
from medsynth_desktop.core.progress import drain
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.training.autoencoder import train_autoencoder
from medsynth_desktop.training.presets import preset_for
from medsynth_desktop.workbench.validation import learnt_from
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


def test_spared_patients_are_not_learnt_from_and_told(home: Path, cli: Cli) -> None:
    options = ["--max-steps", "2", "--early-stop", "--seed", "3"]
    assert cli(*words(home, "spared", *options)).code == 0
    shared = [
        "--workspace",
        home / "workspace",
        "--cohort",
        "phantoms",
        "--preset",
        "tiny",
        "--out",
        home / "spared",
    ]
    assert cli("train", "diffusion", *shared, *options, "--json").code == 0
    facts = json.loads((home / "spared" / "bundle.json").read_text())["training"]
    card = (home / "spared" / "README.md").read_text()
    with Workspace.open(home / "workspace") as workspace:
        cohort = workspace.cohorts.get("phantoms")
        arrays, records = load_arrays(workspace, cohort, "train")
    learnt = [r in learnt_from(records, facts) for r in records]
    assert facts["images"] == sum(learnt) == len(records) - 1
    for stage in ("autoencoder", "diffusion"):
        assert facts[stage]["validation"]["patients"] == facts[stage]["validation"]["images"] == 1
        assert facts["settings"][stage]["stop_least"] == 100
    assert "patients 1, images 1 of the training split, not learnt from" in card
    # Exactly these images give exactly these weights.
    settings = preset_for("tiny", 3, 3, 2).autoencoder
    alone = drain(train_autoencoder(arrays[learnt], settings, home / "alone", "x"))
    kept = torch.load(home / "spared.training" / "autoencoder.ckpt", weights_only=True)["network"]
    assert all(torch.equal(value, kept[name]) for name, value in alone.network.state_dict().items())
