"""Candidates, attempts and distillation in the Sample panel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.workbench.teaching import DistillSettings
from tests.gui.phantoms import write_tiny_bundle


@pytest.fixture
def panel(viewer, bench, opened):
    from medsynth_sampler.sample_panel import SamplePanel

    return opened(SamplePanel, viewer, show=True)


def test_candidates_and_attempts_are_part_of_what_is_asked_for(panel, bench, monkeypatch) -> None:
    asked: list[SampleSettings] = []
    monkeypatch.setattr(bench, "sample", lambda _, settings, *__, **___: asked.append(settings))
    panel.sample_button.click()
    panel.form.candidates.setValue(5)
    panel.form.attempts.setValue(3)
    panel.sample_button.click()
    assert [(s.candidates, s.attempts) for s in asked] == [(1, 1), (5, 3)]


def test_the_open_cohort_is_kept_away_from(panel, bench, qtbot: QtBot, tmp_path: Path) -> None:
    bench.import_bundle(write_tiny_bundle(tmp_path / "tiny"))
    qtbot.waitUntil(lambda: bench.bundle is not None and bench.bundle.name == "tiny heads", timeout=120_000)
    panel.form.candidates.setValue(2)
    panel.form.steps.setValue(2)
    panel.sample_button.click()
    qtbot.waitUntil(lambda: not bench.runner.busy, timeout=240_000)
    qtbot.waitUntil(lambda: bench.batch.bundle_hash == bench.bundle.hash, timeout=10_000)
    [sample] = bench.batch.samples
    assert (sample.settings.candidates, sample.settings.cohort) == (2, bench.cohort.hash)
    assert "farthest from training of 2 candidates" in panel.thumbs.data(panel.thumbs.index(0), 3)


def test_what_the_guard_blocked_while_sampling_is_shown(panel, bench) -> None:
    first = bench.batch.samples[0]
    asked = replace(first.settings, attempts=3, cohort=bench.cohort.hash)
    for number, (refused, blocked) in enumerate(
        [((), False), (("too like",), False), (("a", "b", "c"), True)]
    ):
        sample = replace(
            first, id=f"S-guarded{number}", ordinal=4 + number, seed=50 + number, settings=asked,
            refused=refused, blocked=blocked,
        )  # fmt: skip
        bench.workspace.batches.add_sample(sample)
    bench.use_batch(bench.batch.name)
    panel.refresh_samples()
    assert "the guard blocked 4 of 6 draws, 1 stayed blocked" in panel.count_label.text()
    captions = [panel.thumbs.data(panel.thumbs.index(row), 0) for row in (4, 5, 6)]
    assert captions == ["seed 50", "seed 51 ×2", "■ seed 52"]
    assert "drawn 2 times, at most 3\nblocked: too like" in panel.thumbs.data(panel.thumbs.index(5), 3)


def test_the_dialog_asks_and_the_panel_passes_it_on(panel, bench, monkeypatch, tmp_path: Path) -> None:
    from medsynth_sampler.distill_dialog import DistillDialog
    from qtpy.QtWidgets import QDialogButtonBox

    dialog = DistillDialog("teacher", bench.cohort_names, bench.cohort.name, panel)
    done = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert done.isEnabled()
    dialog.name.setText(" ")
    assert not done.isEnabled()
    dialog.name.setText("student")
    dialog.folder.setText(str(tmp_path))
    dialog.filter.setCurrentIndex(dialog.filter.findData("ratio"))
    wishes = dialog.wishes()
    dialog.deleteLater()
    assert (wishes.cohort, wishes.out) == (bench.cohort.name, tmp_path / "student")
    asked: list[tuple[str, Path, DistillSettings]] = []
    monkeypatch.setattr(bench, "distill", lambda *words, **_: asked.append(words))
    panel.learning.distill(wishes)
    assert asked == [(bench.cohort.name, tmp_path / "student", DistillSettings("ratio", None, "small"))]


def test_a_distillation_runs_can_be_cancelled_and_goes_on(panel, bench, qtbot: QtBot, tmp_path: Path) -> None:
    bench.import_bundle(write_tiny_bundle(tmp_path / "tiny"))
    qtbot.waitUntil(lambda: bench.bundle is not None and bench.bundle.name == "tiny heads", timeout=120_000)
    settings = DistillSettings(
        preset="tiny", max_steps=2, sampling=SampleSettings("ddim", 2), checked=2, draws=7
    )
    job = bench.distill(bench.cohort.name, tmp_path / "student", settings, "cpu")
    qtbot.waitUntil(lambda: "Sample 3 of 7" in job.progress.message, timeout=240_000)
    assert panel.jobbar.isVisibleTo(panel)
    panel.jobbar.cancel_button.click()
    qtbot.waitUntil(lambda: job.state == "cancelled", timeout=60_000)
    kept = len(bench.workspace.batches.get("student-teacher").samples)
    assert 2 <= kept < 7
    said: list[str] = []
    bench.events.told.connect(lambda _, sentence: said.append(sentence))
    teacher = next(b for b in bench.bundles if b.name == "tiny heads")
    bench.use_bundle(teacher.hash)
    again = bench.distill(bench.cohort.name, tmp_path / "student", settings, "cpu")
    qtbot.waitUntil(lambda: again.state in ("done", "failed"), timeout=480_000)
    assert again.state == "done", again.error
    qtbot.waitUntil(lambda: bench.bundle.name == "student", timeout=10_000)
    assert any("student learnt from 7 of 7 samples" in sentence for sentence in said)
