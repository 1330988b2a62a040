"""A model card tells what is known, and what was not measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import guarding
from medsynth_desktop.workbench.model_card import model_card, save_model_card, sparkline, training_card
from medsynth_desktop.workbench.sampling import sample_batch
from tests.workbench.small import open_small

FACTS = {
    "name": "a|b",
    "licence": "CC0 <script>",
    "recipe": {"grid": [16, 24], "spacing": 0.0, "modality": "CR"},
    "conditions": [
        {"name": "label", "classes": ["ill", "well"], "low": 0, "high": 0},
        {"name": "age", "classes": [], "low": 20.0, "high": 90.0},
    ],
    "cohort_hash": "ab" * 32,
    "autoencoder": {"channels": [8, 16], "fold": 2},
    "unet": {"conditions": []},
    "schedule": {"kind": "cosine", "steps": 300, "prediction": "epsilon"},
    "training": {
        "images": 3,
        "diffusion": {"steps": 40, "loss": 0.25, "curve": [1.0, 0.5, 0.25], "seconds": "never"},
        "settings": {"diffusion": {"rate": 0.001}},
    },
}


def test_a_training_card_tells_data_settings_and_curves() -> None:
    card = training_card(FACTS)
    for words in (
        "label (ill, well); age (20 to 90)", "ab" * 32, "channels 8 16, fold 2", "cosine, 300 steps, predicts epsilon",
        "steps 40, loss 0.25", "█▃▁ 1 to 0.25", "| Diffusion settings | rate 0.001 |", "16 x 24", "not for diagnosis",
    ):  # fmt: skip
        assert words in card
    assert "never" not in card
    assert "0 mm" not in card


def test_what_a_bundle_says_of_itself_makes_no_mark_up() -> None:
    card = training_card(FACTS)
    assert "# a\\|b" in card
    assert "<script>" not in card
    assert all(line.count("|") - line.count("\\|") == 3 for line in card.splitlines() if line.startswith("|"))
    assert "does not tell" in training_card({**FACTS, "training": {"diffusion": 3, "curve": "x"}})


def test_sparklines() -> None:
    assert sparkline([0, 1]) == "▁█"
    assert sparkline([2, 2, 2]) == "▁▁▁"


def test_what_was_measured_and_what_was_not(workspace: Workspace, tmp_path: Path) -> None:
    cohort, bundle = open_small(workspace, tmp_path)
    stranger = drain(model_card(workspace, bundle))
    assert "the training cohort is not in this workspace" in stranger
    own = replace(bundle, cohort_hash=cohort.hash)  # as if it had been trained here
    card = drain(model_card(workspace, own))
    assert "real: 6 images of 6 patients for training, 4 images of 4 patients unseen" in card
    assert "medsynth quality --batch NAME" in card
    assert "draw a batch without attempts" in card
    assert bundle.hash in card
    drain(sample_batch(workspace, bundle.hash, 2, SampleSettings(steps=2), 1, "cpu", "first"))
    drain(guarding.audit_batch(workspace, "first", "real"))
    card = drain(model_card(workspace, own))
    assert "| Batch first | " in card
    assert "draw a batch without attempts" not in card


def test_a_card_that_cannot_be_written_is_a_sentence(workspace: Workspace, tmp_path: Path) -> None:
    _, bundle = open_small(workspace, tmp_path)
    with pytest.raises(StoreFailed, match=r"card\.md could not be written"):
        drain(save_model_card(workspace, bundle, tmp_path / "none" / "card.md"))
    said = drain(save_model_card(workspace, bundle, tmp_path / "card.md"))
    assert "card.md" in said
    assert (tmp_path / "card.md").read_text(encoding="utf-8").startswith("# ")
