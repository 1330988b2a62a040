from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("napari")
from medsynth_release.asked import RuleDialog
from medsynth_release.panel import ReleasePanel
from medsynth_release.table import COLUMNS
from qtpy.QtCore import Qt

from medsynth_desktop.releases.ratings import make_rule
from medsynth_desktop.store.studies import SampleRatings
from medsynth_desktop.workbench.state import Workbench

WAIT_MS = 30_000
BLOCKED = "S-000000000000"
RATED, DECISION, REASON = (
    [column.key for column in COLUMNS].index(k) for k in ("rated", "decision", "reason")
)


@pytest.fixture
def open_panel(opened: Callable[..., ReleasePanel]) -> Callable[..., ReleasePanel]:
    return partial(opened, ReleasePanel)


def sign_in(panel: ReleasePanel) -> None:
    panel.sign_in.field.setText("Dr Example")
    panel.sign_in.field.editingFinished.emit()


def some(bench: Workbench, verdict: str) -> str:
    return next(s for s, v in bench.verdicts.items() if v.verdict == verdict)


def test_an_empty_workspace_says_what_to_do_next(empty_bench: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    assert panel.content.isHidden()
    assert "Sample" in panel.empty.label.text()
    assert not panel.leaving.export_button.isEnabled()
    assert panel.leaving.verify_button.isEnabled()


def test_nobody_decides_without_a_name(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    panel.table.choose({some(judged, "pass")})
    assert not panel.approve_button.isEnabled()
    assert "Sign in" in panel.approve_button.toolTip()
    sign_in(panel)
    assert judged.user == "Dr Example"
    assert panel.approve_button.isEnabled()


def test_a_blocked_sample_cannot_be_approved_but_rejected(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    sign_in(panel)
    panel.table.choose({BLOCKED})
    panel.reason.setText("looks fine to me")
    assert not panel.approve_button.isEnabled()
    assert "blocked by the guard" in panel.approve_button.toolTip()
    assert panel.why_not.text() == panel.approve_button.toolTip()
    panel.approve()  # the engine refuses too
    assert panel.banner.level == "error"
    assert "blocked" in panel.banner.text
    assert judged.decisions == {}
    panel.reject_button.click()
    assert judged.decisions[BLOCKED].status == "rejected"
    assert judged.decisions[BLOCKED].reason == "looks fine to me"
    assert panel.reason.text() == ""


def test_a_sample_under_review_needs_a_reason(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    sign_in(panel)
    sample = some(judged, "review")
    panel.table.choose({sample})
    assert "under review" in panel.approve_button.toolTip()
    panel.reason.setText("compared side by side, another patient")
    assert panel.approve_button.isEnabled()
    panel.approve_button.click()
    assert judged.decisions[sample].status == "approved"
    assert panel.table.selected() == [sample]


def test_a_row_that_is_looked_at_is_selected_everywhere(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    panel.table.selectRow(3)
    assert judged.selected == panel.table.rows.table.id(3)
    judged.select(BLOCKED)
    assert panel.table.selected() == [BLOCKED]


def test_reopened_approvals_are_said_in_words(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    sign_in(panel)
    panel.passing_button.click()
    approved = panel.table.rows.table.counts()["approved"]
    assert approved >= 1
    assert not panel.passing_button.isEnabled()
    judged.set_threshold("correlation", -1.0, -1.0, "stop everything")
    assert f"{approved} approval" in panel.reopened.text()
    assert not panel.reopened.isHidden()
    assert panel.table.rows.table.text(0, DECISION) == "Re-opened"
    assert "blocked now" in panel.reopened.text()
    tip = panel.table.rows.data(panel.table.rows.index(0, DECISION), Qt.ItemDataRole.ToolTipRole)
    assert "cannot be approved" in tip
    assert "re-opened" in panel.counts.text()
    assert not panel.leaving.export_button.isEnabled()


def test_a_reason_gets_the_room_that_is_left(judged: Workbench, open_panel: Any, qtbot: Any) -> None:
    panel = open_panel(show=True)
    table = panel.table
    assert table.columnViewportPosition(REASON) + table.columnWidth(REASON) <= table.viewport().width()
    assert table.horizontalScrollBar().maximum() == 0
    assert [table.isColumnHidden(c) for c in range(7)] == [False, False, True, False, False, True, True]
    sign_in(panel)
    panel.passing_button.click()
    tips = [
        table.rows.data(table.rows.index(r, DECISION), Qt.ItemDataRole.ToolTipRole)
        for r in range(table.rows.rowCount())
    ]
    assert any(judged.user in tip for tip in tips)
    panel.resize(760, 690)
    qtbot.waitUntil(lambda: not table.isColumnHidden(4) and not table.isColumnHidden(5), timeout=WAIT_MS)
    assert table.horizontalScrollBar().maximum() == 0
    panel.hide()


def test_nothing_is_decided_while_thresholds_are_tried_out(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    sign_in(panel)
    judged.preview_threshold("correlation", 0.999, 0.9999)
    assert not panel.passing_button.isEnabled()
    assert "tried out" in panel.passing_button.toolTip()
    judged.discard_preview()
    assert panel.passing_button.isEnabled()


def test_export_verify_tamper_verify(judged: Workbench, open_panel: Any, qtbot: Any, tmp_path: Path) -> None:
    panel = open_panel()
    assert "approve" in panel.leaving.export_button.toolTip()
    sign_in(panel)
    panel.passing_button.click()
    assert panel.leaving.export_button.isEnabled()
    panel.leaving.nifti.setChecked(False)
    panel.leaving.dicom.setChecked(False)
    assert not panel.leaving.export_button.isEnabled()
    panel.leaving.nifti.setChecked(True)
    package = tmp_path / "release-1"
    panel.export(package)
    qtbot.waitUntil(lambda: panel.leaving.history.rowCount() == 1, timeout=WAIT_MS)
    assert not panel.leaving.history.isHidden()
    panel.verify(package)
    qtbot.waitUntil(lambda: judged.verified is not None, timeout=WAIT_MS)
    assert panel.leaving.said.text().startswith("release-1: ✓")
    assert panel.leaving.problems.isHidden()
    image = next(package.rglob("*.nii.gz"))
    image.write_bytes(image.read_bytes() + b"x")
    panel.verify(package)
    qtbot.waitUntil(lambda: not judged.verified[1].ok, timeout=WAIT_MS)
    assert "✗" in panel.leaving.said.text()
    assert image.name in panel.leaving.problems.toPlainText()


def test_ratings_stand_beside_the_verdicts_and_may_be_asked_for(
    judged: Workbench, open_panel: Any, qtbot: Any
) -> None:
    panel = open_panel()
    sign_in(panel)
    sample = some(judged, "pass")
    assert panel.table.isColumnHidden(RATED)
    assert panel.asked.isHidden()
    poor = SampleRatings("looks", "hash", {"anatomy": 4}, {sample: {"anatomy": {"anna": 2, "ben": 2}}})
    judged.workspace.studies.put_ratings("looks", poor)
    judged.require_ratings(make_rule(2, "C"))
    assert not panel.table.isColumnHidden(RATED)
    assert panel.asked.words.text() == "A release asks for at least 2 readers, median C or better."
    panel.table.choose({sample})
    row = panel.table.rows.table.order.index(sample)
    assert panel.table.rows.index(row, RATED).data() == "B (2)"
    assert not panel.approve_button.isEnabled()
    assert "rated anatomy B (2 readers)" in panel.why_not.text()
    panel.approve()  # the engine refuses too
    assert panel.banner.level == "error"
    assert judged.decisions == {}
    dialog = RuleDialog(judged.ratings().rule)
    qtbot.addWidget(dialog)
    dialog.median.setCurrentIndex(1)
    judged.require_ratings(dialog.rule())
    panel.approve_button.click()
    assert judged.decisions[sample].status == "approved"
    assert not panel.passing_button.isEnabled(), "nothing else was rated"
    assert "by 0 of 2 readers" in panel.passing_button.toolTip()
    dialog.readers.setValue(0)
    judged.require_ratings(dialog.rule())
    assert panel.passing_button.isEnabled() == bool(panel.table.rows.table.passing())
    assert panel.asked.isHidden() is (not judged.workspace.studies.names())


def test_the_sample_that_is_decided_on_is_shown(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    sample = some(judged, "pass")
    panel.table.looked_at.emit(sample)
    assert judged.selected == sample
    assert panel.viewer.layers[-1].name == f"Synthetic {sample}"
    assert panel.strange.isHidden()


def test_that_a_model_learnt_from_others_is_said_unfolded(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    judged.guard = replace(judged.guard, caution="Nobody here knows whose images the model was trained on.")
    judged.events.verdicts.emit()
    assert "learnt from other patients" in panel.strange.text()
    assert not panel.strange.isHidden()
    assert "Nobody here knows" in panel.strange.toolTip()
