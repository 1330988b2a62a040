from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari")
from medsynth_guard.panel import GuardPanel
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from medsynth_desktop.guard.matched import preparation_words
from medsynth_desktop.qt import bridge
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.scopes import policy_in_force
from medsynth_desktop.workbench.state import Workbench
from tests.gui.judged_workspace import GRID_2D, SAMPLES, audited, fill

COPY = "S-000000000000"
WAIT_MS = 180_000


@pytest.fixture
def open_panel(opened: Callable[..., GuardPanel]) -> Iterator[Callable[..., GuardPanel]]:
    """Open the panel; the pair view is left at the end."""
    panels: list[GuardPanel] = []

    def make(viewer: Any = None) -> GuardPanel:
        panels.append(opened(GuardPanel, viewer))
        return panels[-1]

    yield make
    for panel in panels:
        panel.pairs.leave()


def test_an_empty_workspace_says_what_to_do_next(empty_bench: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    assert panel.content.isHidden()
    assert "Cohort panel" in panel.empty.label.text()
    assert panel.empty.button.text() == "Go to Cohort"


def test_check_batch_fills_the_table(unchecked: Workbench, open_panel: Any, qtbot: Any) -> None:
    panel = open_panel()
    assert "not been compared" in panel.empty.label.text()
    assert panel.empty.button.text() == "Check batch"
    panel.empty.button.click()
    assert not panel.check_button.isEnabled()
    qtbot.waitUntil(lambda: panel.table.rows.rowCount() == SAMPLES, timeout=WAIT_MS)
    qtbot.waitUntil(panel.check_button.isEnabled, timeout=WAIT_MS)
    assert panel.empty.isHidden()
    assert [label.text()[0] for label in panel.counts] == ["●", "▲", "■"]
    counts = unchecked.guard.counts
    assert [int(label.text().split()[1]) for label in panel.counts] == list(counts.values())


def test_the_riskiest_is_on_top_with_reasons_in_words(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    rows = panel.table.rows
    assert rows.table.id(0) == COPY
    assert rows.data(rows.index(0, 0)) == "Block ■"
    titles = [rows.headerData(c, Qt.Orientation.Horizontal) for c in range(rows.columnCount())]
    assert titles[:2] == ["Verdict", "Decision"]
    assert titles[-2:] == ["Sample", "Nearest"]
    assert [t for t in titles[2:-2] if t != "p"] == [
        m.title for m in METRICS if m.key in judged.guard.thresholds
    ]
    whole = rows.headerData(titles.index("Lowe"), Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert whole.startswith(METRICS["lowe_ratio"].label)
    assert "Correlation 0.99" in panel.reasons.text()
    assert panel.place.text() == f"1 of {SAMPLES}, riskiest first"


def test_rows_and_the_selected_sample_follow_each_other(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    panel.table.selectRow(2)
    assert judged.selected == panel.table.rows.table.id(2)
    judged.select(panel.table.rows.table.id(4))
    assert panel.table.currentIndex().row() == 4
    panel.table.rows.sort(1, Qt.SortOrder.DescendingOrder)
    assert panel.table.rows.table.id(panel.table.currentIndex().row()) == judged.selected
    assert panel.place.text().endswith("as sorted")


def test_dragging_a_line_moves_counts_and_rows_but_stores_nothing(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    editor, stored = panel.editors["correlation"], judged.guard.policy
    before = judged.guard.counts["block"]
    editor.plot.lines["block"].setValue(-1.0)
    assert judged.guard.counts == {"pass": 0, "review": 0, "block": SAMPLES}
    assert before < SAMPLES
    assert panel.counts[2].text() == f"■ {SAMPLES} blocked"
    assert {panel.table.rows.table.verdict(r) for r in range(SAMPLES)} == {"block"}
    assert editor.plot.lines["review"].value() <= -1.0  # pushed along: block is never milder
    assert editor.plot.lines["block"].label.format == "Block ■ -1.000"
    assert policy_in_force(judged.workspace, judged.cohort, judged.batch) == stored
    assert not editor.asking.isHidden()
    assert "Being tried out" in editor.origin.text()


def test_one_threshold_is_tried_out_at_a_time(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    panel.editors["correlation"].boxes["block"].setValue(0.999)
    assert not panel.editors["rmse"].boxes["block"].isEnabled()
    assert not panel.editors["rmse"].plot.lines["block"].movable
    panel.editors["correlation"].discard_button.click()
    assert panel.editors["rmse"].boxes["block"].isEnabled()
    assert panel.editors["correlation"].asking.isHidden()
    assert judged.previewing is None


def test_a_threshold_needs_a_name_and_a_reason(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    assert not panel.calibrated_button.isEnabled()
    editor = panel.editors["correlation"]
    editor.boxes["review"].setValue(0.5)
    editor.apply_button.click()
    assert panel.banner.level == "error"
    assert "sign in" in panel.banner.text
    panel.sign_in.field.setText("Dr Example")
    panel.sign_in.field.editingFinished.emit()
    editor.why.setText("closer look wanted")
    editor.apply_button.click()
    kept = policy_in_force(judged.workspace, judged.cohort, judged.batch)
    typed = next(t for t in kept.thresholds if t.metric == "correlation")
    assert (typed.review, typed.who, typed.why) == (0.5, "Dr Example", "closer look wanted")
    prepared = preparation_words(judged.guard.calibration)
    assert prepared.startswith("Unseen images were first blurred by 0.")
    assert editor.origin.text() == f"Typed by Dr Example: closer look wanted. {prepared}"
    assert editor.asking.isHidden()


def test_lifting_a_typed_threshold_needs_a_name_and_a_reason(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    calibrated, lifting = judged.guard.thresholds["correlation"], panel.limits.lifting
    judged.sign_in("Dr Example")
    judged.set_threshold("correlation", 0.5, calibrated.block, "closer look wanted")
    judged.sign_in("")
    typed = judged.guard.policy
    panel.calibrated_button.click()
    assert not lifting.isHidden()
    assert lifting.words.text().splitlines()[0] == "This lifts a typed limit:"
    assert lifting.words.text().endswith("Typed by Dr Example: closer look wanted.")
    lifting.keep_button.click()
    assert lifting.isHidden()
    panel.calibrated_button.click()
    for name, why in (("", "enough seen"), ("Dr Other", " ")):
        judged.sign_in(name)
        lifting.why.setText(why)
        lifting.lift_button.click()
        assert panel.banner.level == "error"
        assert judged.guard.policy == typed
    lifting.why.setText("enough seen")
    lifting.lift_button.click()
    assert lifting.isHidden()
    assert not panel.calibrated_button.isEnabled()
    kept = policy_in_force(judged.workspace, judged.cohort, judged.batch)
    lifted = next(t for t in kept.thresholds if t.metric == "correlation")
    assert lifted == replace(calibrated, who="Dr Other", why="enough seen")
    assert {t.who for t in kept.thresholds if t.metric != "correlation"} == {""}
    assert "Dr Other lifted a typed limit: enough seen." in panel.editors["correlation"].origin.text()


def test_the_question_why_gets_the_room_of_the_reasons(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    editor = panel.editors["correlation"]
    editor.plot.lines["review"].setValue(0.5)
    assert not panel.why.isHidden()  # nothing jumps while a line is being dragged
    editor.plot.released.emit()
    assert panel.why.isHidden()
    editor.discard_button.click()
    assert not panel.why.isHidden()


def test_a_small_calibration_is_warned_about(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    warnings = judged.guard.calibration.warnings
    assert panel.caution.line.text().startswith(f"▲ {len(warnings)} caution")
    assert panel.caution.whole.isHidden()
    panel.caution.line.click()
    assert "too few" in panel.caution.whole.text()
    assert not panel.caution.whole.isHidden()


def test_all_numbers_stand_in_the_narrowest_dock(judged: Workbench, open_panel: Any, qtbot: Any) -> None:
    panel = open_panel()
    panel.resize(430, 680)  # of a window of 1366x768
    panel.show()
    qtbot.waitUntil(lambda: panel.table.viewport().width() > 300, timeout=WAIT_MS)
    table, keys = panel.table, [c.key for c in panel.table.rows.table.columns]
    for key in ("verdict", "decision", *(m.key for m in METRICS if m.key in keys)):
        at = keys.index(key)
        assert table.columnViewportPosition(at) + table.columnWidth(at) <= table.viewport().width(), key
        assert table.columnWidth(at) >= table.sizeHintForColumn(at), key
    assert panel.content.minimumSizeHint().width() <= panel.scroll.viewport().width()
    top = panel.report_button
    assert top.mapTo(panel.scroll.viewport(), top.rect().bottomRight()).x() <= panel.scroll.viewport().width()
    panel.hide()


def test_pairs_stand_side_by_side_and_the_users_view_comes_back(
    judged: Workbench, open_panel: Any, viewer: Any
) -> None:
    own = viewer.add_image(np.zeros((4, 5, 6), np.float32), name="mine")
    viewer.dims.ndisplay = 3
    zoom = viewer.scene.camera.zoom
    panel = open_panel(viewer)
    panel.pair_button.setChecked(True)
    names = [" ".join(x.name.split()) for x in panel.pairs.layers]
    assert names[0].startswith(f"Synthetic {COPY}")
    assert "BLOCK ■" in names[0]
    assert re.match(r"Real P-\d{4}-1, disguise undone", names[1])
    panel.pair_bar.as_is_button.click()
    names = [" ".join(x.name.split()) for x in panel.pairs.layers]
    assert re.match(r"Nearest real P-\d{4}-1 (· )?r 0\.9", names[1])
    assert names[2].startswith("Difference")
    assert viewer.canvas.grid.enabled
    assert viewer.dims.ndisplay == 2
    assert not own.visible
    synthetic, real, difference = (np.asarray(x.data) for x in panel.pairs.layers)
    assert synthetic.dtype == np.float32
    np.testing.assert_array_equal(difference, synthetic - real)
    assert difference.std() < 0.1  # it is a copy with a little noise
    assert all(x.name_overlay.visible for x in panel.pairs.layers)
    panel.pairs.layers[0].contrast_limits = (-0.5, 0.5)
    assert panel.pairs.layers[1].contrast_limits == [-0.5, 0.5]
    assert panel.pairs.layers[2].contrast_limits == [-1.0, 1.0]
    panel.pair_button.setChecked(False)
    assert list(viewer.layers) == [own]
    assert own.visible
    assert not viewer.canvas.grid.enabled
    assert viewer.dims.ndisplay == 3
    assert viewer.scene.camera.zoom == zoom


def test_n_and_p_walk_from_the_riskiest_down(
    judged: Workbench, open_panel: Any, viewer: Any, qtbot: Any
) -> None:
    panel = open_panel(viewer)
    panel.pair_button.setChecked(True)
    order = panel.order()
    kept = panel.pairs.layers
    qtbot.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_N)
    assert judged.selected == order[1]
    assert panel.pairs.layers == kept  # zoom and slice stay: the same layers show the next pair
    assert order[1] in kept[0].name
    panel.previous_button.click()
    panel.previous_button.click()
    assert judged.selected == order[0]
    panel.pair_button.setChecked(False)
    assert not [k for k in viewer.keymap if str(k) in "NPUF"]


def test_a_pair_of_pictures(qapp: QApplication, tmp_path: Path, open_panel: Any) -> None:
    with Workspace.open(tmp_path / "flat") as workspace:
        audited(fill(workspace, GRID_2D, samples=3))
    bridge.set_workbench(Workbench(tmp_path / "flat"))
    panel = open_panel()
    panel.pair_button.setChecked(True)
    assert [x.data.shape for x in panel.pairs.layers] == [GRID_2D[::-1]] * 3
    panel.pair_button.setChecked(False)
    panel.stop_listening()
    bridge.close_workbench()


def test_what_is_opened_meanwhile_ends_the_pair_view(judged: Workbench, open_panel: Any) -> None:
    viewer = ViewerModel()
    panel = open_panel(viewer)
    panel.pair_button.setChecked(True)
    judged.events.volume.emit(judged.sample_volume(COPY), "opened")
    assert [x.name for x in viewer.layers] == ["opened"]
    assert not panel.pair_button.isChecked()


def test_the_panel_fits_a_dock_of_400_pixels(judged: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    panel.show()
    QApplication.processEvents()
    assert panel.width() == 400
    assert panel.content.minimumSizeHint().width() <= panel.scroll.viewport().width()
    panel.hide()


def test_what_is_missing_is_one_click_away(empty_bench: Workbench, make_shell: Any) -> None:
    shell = make_shell(empty_bench)
    guard = shell.raise_panel("Guard")
    QApplication.processEvents()
    assert not guard.visibleRegion().isEmpty()
    guard.empty.button.click()
    QApplication.processEvents()
    assert guard.visibleRegion().isEmpty()
    assert not shell.panels["Cohort"].visibleRegion().isEmpty()
