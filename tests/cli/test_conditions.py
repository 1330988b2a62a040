"""Conditions from the command line: learnt from the list of participants, asked for, told everywhere after."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.cli.conftest import Cli


def test_classes_and_numbers_from_the_list_to_the_card(home: Path, cli: Cli) -> None:
    files = sorted(p for p in (home / "images").rglob("*") if p.is_file())
    rows = [f"X{i:02},{path.name},{30 + 3 * i},{'ill' if i % 2 else 'well'}" for i, path in enumerate(files)]
    (home / "list.csv").write_text("\n".join(["patient_id,file,age,label", *rows]) + "\n", encoding="utf-8")
    workspace = ("--workspace", home / "workspace")
    grid = ("--grid", "16,16,16", "--spacing", "4", "--participants", home / "list.csv")
    assert cli("cohort", "import", "told", home / "images", *grid, *workspace).code == 0
    words = ("--cohort", "told", "--preset", "tiny", "--max-steps", 3, "--out", home / "model", *workspace)
    assert cli("train", "autoencoder", *words).code == 0
    refused = cli("train", "diffusion", *words, "--condition", "weight")
    assert refused.code == 1
    assert "age, label" in refused.err
    done = cli("train", "diffusion", *words, "--condition", "label", "--condition", "age", "--json").json
    assert done["conditions"][0] == {"name": "label", "classes": ["ill", "well"], "low": 0.0, "high": 0.0}
    assert done["conditions"][1]["low"] <= 30
    assert "conditions: label (ill, well), age (" in cli("bundle", "inspect", home / "model").out
    assert "May be asked for | label (ill, well)" in (home / "model" / "README.md").read_text(
        encoding="utf-8"
    )

    def draw(*more: object) -> np.ndarray:
        drawn = cli("sample", "--bundle", "model", "--steps", 2, "--seed", 3, *more, *workspace, "--json")
        assert drawn.code == 0, drawn.err
        return np.asarray(np.load(drawn.json["samples"][0]["path"]))

    plain = draw("--batch-name", "a")
    asked = draw("--batch-name", "b", "--condition", "label=ill", "--condition", "age=40", "--guidance", 2)
    assert plain.shape == asked.shape == (16, 16, 16)
    for pair, says in (
        ("label=tall", "ill, well"),
        ("weight=3", "label, age"),
        ("age=300", "from"),
        ("age", "name=value"),
    ):
        wrong = cli("sample", "--bundle", "model", "--condition", pair, *workspace)
        assert wrong.code == 1
        assert says in wrong.err
    assert (
        cli("sample", "--bundle", "model", "--condition", "label=ill", "--guidance", -1, *workspace).code == 1
    )
