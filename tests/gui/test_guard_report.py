"""The Guard panel's button that saves the report of a checked batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("napari")
from medsynth_guard.panel import GuardPanel
from medsynth_guard.report import ReportButton

from medsynth_desktop.workbench.state import Workbench

COPY = "S-000000000000"
WAIT_MS = 20_000


@pytest.mark.parametrize("pictures", [True, False])
def test_the_report_of_a_checked_batch_is_saved(
    judged: Workbench, opened: Any, qtbot: Any, tmp_path: Path, pictures: bool
) -> None:
    button = opened(GuardPanel).findChild(ReportButton)
    assert ["patients' images" in a.text() for a in button.menu().actions()] == [True, False, False, False]
    told: list[str] = []
    judged.events.told.connect(lambda level, sentence: told.append(sentence))
    button.save(tmp_path / "report", pictures)
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert told[0].startswith(f"The report of {judged.batch.name} is in report.html.")
    assert ("<img " in page) == ("patients' images" in told[0]) == pictures
    assert COPY in page


def test_quality_is_measured_and_stands_in_the_report(
    judged: Workbench, opened: Any, qtbot: Any, tmp_path: Path
) -> None:
    button = opened(GuardPanel).findChild(ReportButton)
    told: list[str] = []
    judged.events.told.connect(lambda level, sentence: told.append(sentence))
    button.save(tmp_path / "before", False)
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)
    button.quality.trigger()
    qtbot.waitUntil(lambda: len(told) == 2, timeout=3 * WAIT_MS)
    assert told[1].startswith(f"Measured the quality of {judged.batch.name}")
    assert "MS-SSIM" in told[1]
    button.save(tmp_path / "after", False)
    qtbot.waitUntil(lambda: len(told) == 3, timeout=WAIT_MS)
    pages = [(tmp_path / f"{name}.html").read_text("utf-8") for name in ("before", "after")]
    assert ["MS-SSIM of pairs" in page for page in pages] == [False, True]


def test_no_report_while_a_threshold_is_tried_out(judged: Workbench, opened: Any, tmp_path: Path) -> None:
    panel = opened(GuardPanel)
    panel.editors["correlation"].boxes["block"].setValue(0.999)
    panel.findChild(ReportButton).save(tmp_path / "report", False)
    assert not judged.runner.busy
    assert not (tmp_path / "report.html").exists()
