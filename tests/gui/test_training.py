"""A model is trained from the Sample panel: asked for, watched, cancelled, gone on with, and open in the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medsynth_desktop.workbench.checkpoints import training_folder
from medsynth_desktop.workbench.modelling import TrainSettings, begun, check_place, train_model


@pytest.fixture
def panel(viewer, bench, opened, qtbot: QtBot):
    from medsynth_sampler.sample_panel import SamplePanel

    panel = opened(SamplePanel, viewer, show=True)
    qtbot.waitUntil(lambda: panel.engine.facts is not None, timeout=120_000)
    return panel


def fill_in(monkeypatch, **fields):
    """Answer the dialog: texts for name and folder, an entry for the preset, a number for the steps."""
    from medsynth_sampler.train_dialog import TrainDialog

    shown = []

    def answer(dialog: TrainDialog) -> bool:
        shown.append(dialog)
        dialog.name.setText(fields["name"])
        dialog.folder.setText(str(fields["folder"]))
        if dialog.asked.isEnabled():
            dialog.preset.setCurrentIndex(dialog.preset.findText("tiny"))
            dialog.steps.setValue(fields["steps"])
            dialog.seed.setValue(5)
        return dialog.start.isEnabled()

    monkeypatch.setattr(TrainDialog, "exec", answer)
    return shown


def test_a_model_is_trained_cancelled_and_gone_on_with(
    panel, bench, qtbot: QtBot, tmp_path: Path, monkeypatch
) -> None:
    shown = fill_in(monkeypatch, name="own", folder=tmp_path, steps=6)
    before = bench.bundle
    job = panel.learning.ask_train()
    assert job.title == "Training the model own"
    qtbot.waitUntil(lambda: "error" in job.progress.message, timeout=120_000)
    assert panel.jobbar.isVisibleTo(panel)
    panel.jobbar.cancel_button.click()
    qtbot.waitUntil(lambda: job.state == "cancelled", timeout=60_000)
    assert bench.bundle is before
    assert begun(tmp_path / "own") == TrainSettings(bench.cohort.name, "tiny", 6, 5)
    again = panel.learning.ask_train()
    assert not shown[1].asked.isEnabled()
    assert shown[1].start.text() == "Go on"
    assert "stopped before" in shown[1].note.text()
    qtbot.waitUntil(lambda: again.state == "done", timeout=120_000)
    qtbot.waitUntil(lambda: bench.bundle is not None and bench.bundle.name == "own", timeout=10_000)
    assert panel.model_box.chooser.currentText() == "own"
    assert "Trained own." in panel.banner.text
    assert (tmp_path / "own" / "bundle.json").is_file()
    assert len(list(training_folder(tmp_path / "own").glob("diffusion-*.png"))) == 1
    # The same name is not taken twice.
    assert panel.learning.ask_train() is None
    assert "choose another name" in shown[2].note.text()
    # What was trained draws.
    panel.form.count.setValue(1)
    sampled = panel.sample()
    qtbot.waitUntil(lambda: sampled.state == "done", timeout=120_000)


def test_the_window_trains_what_the_command_line_trains(bench, tmp_path: Path, qtbot: QtBot) -> None:
    from medsynth_desktop.core.progress import drain
    from medsynth_desktop.workbench.training import compute_on, train

    settings = TrainSettings(bench.cohort.name, "tiny", 3, 5)
    told = drain(train_model(bench.workspace, tmp_path / "window", settings, "cpu"))
    out = tmp_path / "command"
    for stage in ("autoencoder", "diffusion"):
        steps = train(
            bench.workspace,
            stage,
            bench.cohort.name,
            "tiny",
            out,
            max_steps=3,
            seed=5,
            compute=compute_on("cpu"),
        )
        done = drain(steps)
    assert told["losses"] == done["losses"]
    for name in ("autoencoder", "diffusion"):
        parts = [(tmp_path / o / f"{name}.safetensors").read_bytes() for o in ("window", "command")]
        assert parts[0] == parts[1]


def test_what_cannot_be_trained_is_said_and_leaves_nothing_in_the_way(
    panel, bench, qtbot: QtBot, tmp_path: Path
) -> None:
    """The grid of 32 x 40 x 32 does not suit the large networks."""
    settings = TrainSettings(bench.cohort.name, "vqgan", 3)
    job = bench.train(tmp_path / "own", settings)
    qtbot.waitUntil(lambda: job.state == "failed", timeout=120_000)
    qtbot.waitUntil(lambda: "must divide by 32" in panel.banner.text, timeout=10_000)
    missing = TrainSettings(bench.cohort.name, "tiny", 3, conditions=("shoe size",))
    job = bench.train(tmp_path / "own", missing)
    qtbot.waitUntil(lambda: job.state == "failed", timeout=120_000)
    qtbot.waitUntil(lambda: "shoe size" in panel.banner.text, timeout=10_000)
    check_place(tmp_path / "own")
    assert begun(tmp_path / "own") is None


def test_the_dialog_offers_presets_and_what_patients_differ_in(panel, bench, qtbot: QtBot) -> None:
    from medsynth_sampler.train_dialog import TrainDialog

    from medsynth_desktop.training.presets import PRESETS

    asked: list[str] = []

    def attributes(name: str) -> tuple[str, ...]:
        asked.append(name)
        return ("age", "sex")

    dialog = TrainDialog(panel.engine.facts.presets, bench.cohort_names, bench.cohort.name, attributes, panel)
    qtbot.addWidget(dialog)
    assert [dialog.preset.itemText(i) for i in range(dialog.preset.count())] == list(PRESETS)
    assert "1,500 and 1,500 steps" in dialog.about.text()
    assert asked == [bench.cohort.name]
    dialog.conditions["sex"].setChecked(True)
    dialog.early_stop.setChecked(True)
    assert dialog.wishes() == TrainSettings(bench.cohort.name, "small", None, 0, ("sex",), True)
    dialog.name.clear()
    assert not dialog.start.isEnabled()


def test_without_a_cohort_there_is_nothing_to_train_on(viewer, empty_bench, opened) -> None:
    from medsynth_sampler.sample_panel import SamplePanel

    panel = opened(SamplePanel, viewer, show=True)
    assert not panel.learning.isVisibleTo(panel)
