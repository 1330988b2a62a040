"""The open model is fine-tuned with differential privacy from the Sample panel."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medsynth_desktop.core.progress import drain
from medsynth_desktop.workbench.importing import import_cohort
from medsynth_desktop.workbench.tuning import begun
from tests.gui.phantoms import SHAPE, SPACING_MM, write_heads, write_tiny_bundle


@pytest.fixture
def panel(viewer, bench, opened, qtbot: QtBot, tmp_path: Path):
    """The panel of a workspace with a model of other images, and a cohort of enough patients."""
    from medsynth_sampler.sample_panel import SamplePanel

    bench.import_bundle(write_tiny_bundle(tmp_path / "tiny"))
    qtbot.waitUntil(lambda: bench.bundle is not None and bench.bundle.name == "tiny heads", timeout=60_000)
    files = [write_heads(tmp_path / "others", 16)]
    drain(import_cohort(bench.workspace, "others", files, grid=SHAPE, spacing=SPACING_MM))
    panel = opened(SamplePanel, viewer, show=True)
    qtbot.waitUntil(lambda: panel.engine.facts is not None, timeout=120_000)
    return panel


def test_a_model_is_fine_tuned_cancelled_and_gone_on_with(
    panel, bench, qtbot: QtBot, tmp_path: Path, monkeypatch
) -> None:
    from medsynth_sampler.private_dialog import PrivateDialog

    shown: list[PrivateDialog] = []

    def answer(dialog: PrivateDialog) -> bool:
        shown.append(dialog)
        dialog.cohort.setCurrentIndex(dialog.cohort.findText("others"))
        dialog.place.name.setText("private")
        dialog.place.folder.setText(str(tmp_path))
        dialog.steps.setValue(30)
        dialog.batch.setValue(4)
        return dialog.start.isEnabled()

    monkeypatch.setattr(PrivateDialog, "exec", answer)
    assert panel.learning.private_button.isVisibleTo(panel)
    base = bench.bundle
    job = panel.learning.ask_private()
    assert job.title == f"Fine-tuning {base.name}"
    qtbot.waitUntil(lambda: job.state == "failed" or job.progress.done > 0, timeout=120_000)
    assert job.error is None
    panel.jobbar.cancel_button.click()
    qtbot.waitUntil(lambda: job.state in ("cancelled", "done"), timeout=60_000)
    if job.state == "cancelled":
        assert begun(tmp_path / "private")
        again = panel.learning.ask_private()
        assert shown[1].start.text() == "Go on"
        qtbot.waitUntil(lambda: again.state == "done", timeout=120_000)
    qtbot.waitUntil(lambda: bench.bundle.name == "private", timeout=10_000)
    assert bench.bundle.privacy.epsilon <= 10
    assert "epsilon" in panel.banner.text
    assert panel.learning.ask_private() is None  # the same name is not taken twice
    assert "choose another name" in shown[-1].note.text()


def test_too_few_patients_are_refused_in_the_panel(panel, bench, qtbot: QtBot, tmp_path: Path) -> None:
    from medsynth_desktop.workbench.tuning import PrivateChoice

    job = bench.train_private(tmp_path / "model", bench.cohort.name, PrivateChoice(steps=2))
    qtbot.waitUntil(lambda: job.state == "failed", timeout=120_000)
    qtbot.waitUntil(lambda: "differential privacy needs 10 or more" in panel.banner.text, timeout=10_000)
    assert not (tmp_path / "model").exists()
