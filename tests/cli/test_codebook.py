"""A model with a codebook from the command line: both stages, interrupted and resumed, described, sampled from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from medsynth_desktop.training.quantised import LEFT_OUT
from tests.cli.conftest import Cli


def test_a_codebook_from_cohort_to_sample(home: Path, cli: Cli) -> None:
    workspace = ("--workspace", home / "workspace")
    cli("cohort", "import", "cubes", home / "images", "--grid", "16,16,16", "--spacing", "4", *workspace)
    words = (
        "--cohort",
        "cubes",
        "--preset",
        "small-vqgan",
        "--max-steps",
        4,
        "--out",
        home / "model",
        *workspace,
    )
    first = cli("train", "autoencoder", *words)
    assert first.code == 0, first.err
    assert "perceptual loss " in first.out
    done = cli("train", "autoencoder", *words, "--resume", "--json").json
    assert done["steps"] == 4
    assert done["notes"][0] == LEFT_OUT or done["notes"][0].startswith("perceptual loss by VGG16")
    assert cli("train", "diffusion", *words).code == 0
    told = cli("bundle", "inspect", home / "model")
    assert "Autoencoder: codebook of 1,024 x 4, " in told.out
    document = cli("bundle", "inspect", home / "model", "--json").json
    assert document["autoencoder"]["kind"] == "quantised"
    assert document["latent_scale"] == 1
    assert document["training"]["autoencoder"]["notes"] == done["notes"]
    assert json.loads((home / "model" / "bundle.json").read_text())["autoencoder"]["kind"] == "quantised"
    drawn = cli("sample", "--bundle", home / "model", "-n", 2, "--steps", 3, *workspace, "--json").json
    image = np.load(drawn["samples"][0]["path"])
    assert image.shape == (16, 16, 16)
    assert -1 <= image.min() < image.max() <= 1
    again = cli(
        "sample", "--bundle", home / "model", "--steps", 3, "--batch-name", "again", *workspace, "--json"
    )
    assert np.array_equal(np.load(again.json["samples"][0]["path"]), image)
