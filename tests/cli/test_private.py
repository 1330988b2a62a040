"""Private fine-tuning from the command line: from two groups of patients to the epsilon that stands everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Cli


def cohort(cli: Cli, folder: Path, name: str, count: int, seed: int) -> tuple[object, ...]:
    """Import ``count`` random volumes of as many patients."""
    images = folder / f"{name}-images"
    images.mkdir()
    generator = np.random.default_rng(seed)
    for number in range(count):
        np.save(images / f"{name}{number:02}.npy", generator.normal(size=(16, 16, 16)).astype(np.float32))
    workspace = ("--workspace", folder / "workspace")
    grid = ("--grid", "16,16,16", "--spacing", "4", "--calibration", "0.2")
    done = cli("cohort", "import", name, images, *grid, *workspace)
    assert done.code == 0, done.err
    return workspace


def test_epsilon_stands_wherever_the_model_is(tmp_path: Path, cli: Cli) -> None:
    workspace = cohort(cli, tmp_path, "public", 5, 1)
    cohort(cli, tmp_path, "patients", 15, 2)
    train = ("--preset", "tiny", "--max-steps", 3, "--out", tmp_path / "base", *workspace)
    assert cli("train", "autoencoder", "--cohort", "public", *train).code == 0
    assert cli("train", "diffusion", "--cohort", "public", *train).code == 0
    out = tmp_path / "model"
    words = ("train", "private", "--base", "base", "--steps", 3, "--batch", 4, *workspace)
    same = cli(*words, "--cohort", "public", "--out", out)
    assert same.code == 1
    assert "training patients" in same.err  # 4 of 5: too few
    wrong = cli(*words, "--cohort", "patients", "--out", out, "--epsilon", 0)
    assert wrong.code == 1
    assert "Epsilon must lie" in wrong.err
    assert cli(*words, "--cohort", "patients", "--out", out, "--resume").code == 1
    done = cli(*words, "--cohort", "patients", "--out", out, "--epsilon", 8, "--json")
    assert done.code == 0, done.err
    told = done.json["privacy"]
    assert 7.5 < told["epsilon"] <= 8.01
    assert abs(told["second_epsilon"] - told["epsilon"]) <= 0.01 * told["epsilon"]
    assert told["delta"] == pytest.approx(1e-3)
    training = json.loads((out / "bundle.json").read_text(encoding="utf-8"))["training"]
    assert not {"loss", "curve"} & set(training["private"])  # they come from patients, without noise
    phrase = f"epsilon {told['epsilon']:.3g}, delta 1e-03 for a patient"
    assert phrase in cli("bundle", "inspect", out).out
    assert phrase in (out / "README.md").read_text(encoding="utf-8")
    assert phrase in cli("bundle", "card", "model", *workspace).out
    assert (
        cli("sample", "--bundle", "model", "-n", 2, "--steps", 2, "--batch-name", "b", *workspace).code == 0
    )
    report = tmp_path / "report.html"
    audited = cli("audit", "--cohort", "patients", "--batch", "b", "--report", report, *workspace)
    assert audited.code in (0, 3), audited.err
    assert phrase in report.read_text(encoding="utf-8")


def test_a_model_that_saw_the_patients_is_refused(tmp_path: Path, cli: Cli) -> None:
    workspace = cohort(cli, tmp_path, "patients", 15, 2)
    train = (
        "--preset",
        "tiny",
        "--max-steps",
        2,
        "--out",
        tmp_path / "base",
        "--cohort",
        "patients",
        *workspace,
    )
    assert cli("train", "autoencoder", *train).code == 0
    assert cli("train", "diffusion", *train).code == 0
    refused = cli(
        "train", "private", "--base", "base", "--cohort", "patients", "--out", tmp_path / "model", *workspace
    )
    assert refused.code == 1
    assert "learnt from these patients already" in refused.err
