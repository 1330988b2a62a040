"""The Sample panel: form, live preview, cancel, finished samples, memory that runs out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medsynth_desktop.core.errors import OutOfMemory
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import Condition
from tests.gui.phantoms import SHAPE, write_tiny_bundle


@pytest.fixture
def panel(viewer, bench, opened):
    from medsynth_sampler.sample_panel import SamplePanel

    return opened(SamplePanel, viewer, show=True)


def forming(steps: int) -> Steps[None]:
    """A job that draws a brightening picture."""
    for step in range(steps):
        yield Progress(step, steps, f"Sampling: step {step}", np.full((8, 6), step / steps, np.float32))
        time.sleep(0.02)


def test_engine_fills_the_form(panel, qtbot: QtBot) -> None:
    from medsynth_desktop.samplers import SAMPLERS

    qtbot.waitUntil(lambda: panel.engine.facts is not None, timeout=120_000)
    keys = [panel.form.sampler.itemData(i) for i in range(panel.form.sampler.count())]
    assert keys == SAMPLERS.keys()
    panel.form.sampler.setCurrentIndex(panel.form.sampler.findData("ddim"))
    panel.form.sampler.activated.emit(panel.form.sampler.currentIndex())
    assert panel.form.steps.value() == SAMPLERS["ddim"].default_steps
    assert panel.form.settings().sampler == "ddim"
    assert panel.form.device.count() >= 2
    if panel.engine.facts.note:
        assert panel.form.note.isVisibleTo(panel)


def test_finished_samples_are_listed_and_shown(panel, viewer, bench) -> None:
    assert panel.thumbs.rowCount() == len(bench.batch.samples) == 4
    panel.list.setCurrentIndex(panel.thumbs.index(3))
    chosen = bench.batch.samples[3].id
    assert bench.selected == chosen
    assert [layer.name for layer in viewer.layers] == [f"Synthetic {chosen}"]
    assert not panel.thumbs.data(panel.thumbs.index(3), 1).isNull()


def test_selection_elsewhere_is_followed_without_showing_again(panel, viewer, bench) -> None:
    bench.select(bench.batch.samples[2].id)
    assert panel.thumbs.key(panel.list.currentIndex()) == bench.batch.samples[2].id
    assert len(viewer.layers) == 0


def test_preview_forms_and_progress_is_told(panel, bench, qtbot: QtBot) -> None:
    job = bench.start("Sampling 1", forming(200))
    qtbot.waitUntil(lambda: panel.picture.has_picture, timeout=10_000)
    assert panel.picture.isVisibleTo(panel)
    assert panel.jobbar.isVisibleTo(panel)
    assert panel.jobbar.title_label.text().startswith("Sampling 1")
    qtbot.waitUntil(lambda: "left" in panel.jobbar.detail_label.text(), timeout=10_000)
    panel.jobbar.cancel_button.click()
    qtbot.waitUntil(lambda: not panel.jobbar.isVisibleTo(panel), timeout=10_000)
    assert job.state == "cancelled"
    assert not panel.picture.isVisibleTo(panel)


def test_window_answers_while_a_job_computes(panel, bench, qtbot: QtBot) -> None:
    from medsynth_desktop.qt import bridge

    before = bridge.current_poller().ticks
    job = bench.start("Sampling 1", forming(30))
    qtbot.waitUntil(lambda: job.state == "done", timeout=20_000)
    assert bridge.current_poller().ticks - before >= 3


def test_out_of_memory_offers_a_smaller_batch(panel, bench, qtbot: QtBot, monkeypatch) -> None:
    asked: list[tuple[int, int]] = []

    def too_large(count, settings, seed, device=None, batch_name=None, batch_size=1):
        asked.append((batch_size, seed))

        def steps() -> Iterator[Progress]:
            yield Progress(0, count)
            if batch_size > 2:
                raise OutOfMemory("The device ran out of memory; try 2 at a time.", 2)

        return bench.start(f"Sampling {count}", steps())

    monkeypatch.setattr(bench, "sample", too_large)
    panel.form.batch_size.setValue(4)
    panel.form.seed.setValue(70)
    panel.sample_button.click()
    qtbot.waitUntil(lambda: panel.banner.action_button.isVisibleTo(panel), timeout=10_000)
    assert panel.banner.action_button.text() == "Retry with batch 2"
    assert "out of memory" in panel.banner.text
    panel.banner.action_button.click()
    qtbot.waitUntil(lambda: not bench.runner.busy, timeout=10_000)
    assert asked == [(4, 70), (2, 70)]
    assert panel.form.batch_size.value() == 2


def test_random_seed_changes_and_stays_legal(panel) -> None:
    seen = set()
    for _ in range(5):
        panel.form.random_button.click()
        seen.add(panel.form.seed.value())
    assert len(seen) > 1
    assert all(0 <= s < 2**31 for s in seen)


def test_conditions_are_only_sent_when_asked_for(panel) -> None:
    assert not panel.form.guidance.isEnabled()
    panel.form.set_conditions((Condition("age", (), 20, 90), Condition("label", ("bacterial", "normal"))))
    assert panel.form.settings().conditions == {}
    panel.form.conditions["age"].asked.setChecked(True)
    panel.form.conditions["age"].number.setValue(161)
    assert panel.form.settings().conditions == {"age": 90.0}
    label = panel.form.conditions["label"]
    assert [label.itemText(i) for i in range(label.count())] == ["any", "bacterial", "normal"]
    label.setCurrentIndex(2)
    panel.form.guidance.setValue(2)
    settings = panel.form.settings()
    assert settings.conditions == {"age": 90.0, "label": "normal"}
    assert settings.guidance == 2


def test_no_model_says_what_to_do(viewer, empty_bench, qtbot: QtBot) -> None:
    from medsynth_sampler.sample_panel import SamplePanel

    panel = SamplePanel(viewer)
    panel.show()
    assert panel.empty.isVisibleTo(panel)
    assert not panel.full.isVisibleTo(panel)
    panel.stop_listening()
    panel.close()
    panel.deleteLater()


def test_a_model_is_imported_and_drawn_from(viewer, empty_bench, qtbot: QtBot, tmp_path: Path) -> None:
    from medsynth_sampler.sample_panel import SamplePanel

    from medsynth_desktop.qt import bridge

    panel = SamplePanel(viewer)
    panel.show()
    empty_bench.import_bundle(write_tiny_bundle(tmp_path / "tiny"))
    qtbot.waitUntil(lambda: empty_bench.bundle is not None, timeout=120_000)
    assert panel.full.isVisibleTo(panel)
    assert panel.model_box.chooser.currentText() == "tiny heads"
    panel.form.count.setValue(2)
    panel.form.steps.setValue(3)
    panel.form.seed.setValue(11)
    ticks = bridge.current_poller().ticks
    panel.sample_button.click()
    qtbot.waitUntil(lambda: panel.thumbs.rowCount() == 2 and not empty_bench.runner.busy, timeout=120_000)
    assert [s.seed for s in empty_bench.batch.samples] == [11, 12]
    assert panel.form.seed.value() == 13
    assert bridge.current_poller().ticks > ticks
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=10_000)
    assert viewer.layers[0].name == f"Synthetic {empty_bench.batch.samples[0].id}"
    panel.list.setCurrentIndex(panel.thumbs.index(1))
    drawn = viewer.layers[0].data
    assert drawn.shape == SHAPE[::-1]
    stored = empty_bench.sample_array(empty_bench.batch.samples[1].id)
    np.testing.assert_array_equal(drawn, np.asarray(stored)[::-1, ::-1, ::-1].transpose(2, 1, 0))
    panel.stop_listening()
    panel.close()
    panel.deleteLater()


def test_a_dangerous_model_is_refused_in_words(panel, bench, qtbot: QtBot, tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bad")
    (folder / "weights.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    before = len(bench.bundles)
    bench.import_bundle(folder)
    qtbot.waitUntil(lambda: panel.banner.level == "error", timeout=120_000)
    assert "weights.pkl" in panel.banner.text or "pkl" in panel.banner.text
    assert len(bench.bundles) == before


def test_a_batch_gets_the_name_that_is_typed_or_the_next_free_one(panel, bench, monkeypatch) -> None:
    asked: list[str | None] = []
    monkeypatch.setattr(bench, "sample", lambda *_, batch_name=None, **__: asked.append(batch_name))
    assert panel.form.batch.placeholderText() == "batch-2 (automatic)"
    panel.sample_button.click()
    panel.form.batch.setText(" ward round ")
    panel.sample_button.click()
    assert asked == [None, "ward round"]


@pytest.mark.parametrize("name", ["x" * 61, "two\tcolumns"])
def test_a_refused_batch_name_gives_one_sentence_and_starts_nothing(panel, bench, name: str) -> None:
    panel.form.batch.setText(name)
    panel.sample_button.click()
    assert panel.banner.level == "error"
    assert panel.banner.text.count(".") == 1
    assert "choose another batch name" in panel.banner.text
    assert not bench.runner.jobs


def test_the_ways_to_a_model_say_when_they_are_for(panel, qtbot: QtBot) -> None:
    box = panel.learning
    qtbot.waitUntil(lambda: panel.engine.facts is not None, timeout=120_000)
    shown = [b for b in (box.train_button, box.distill_button, box.private_button) if not b.isHidden()]
    lines = box.words.text().splitlines()
    assert [line.split(":")[0] for line in lines] == [b.text().split()[0].rstrip("…") for b in shown]
    assert len(lines) == 3
    assert box.minimumSizeHint().width() <= 390  # of the dock in a window of 1366x768


def test_sample_is_the_button_that_stands_out(panel) -> None:
    def colour(button) -> str:
        return button.grab().toImage().pixelColor(8, 8).name()

    from medsynth_desktop.qt.theme import ACCENT

    assert colour(panel.sample_button) == ACCENT
    assert colour(panel.learning.train_button) != ACCENT
