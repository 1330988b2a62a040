"""The Guard panel in a window of 1366x768: every number, the whole plot, and the metric that decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("napari")
from medsynth_guard.panel import GuardPanel
from medsynth_guard.reasons import CLOSED_LINES, PADDING
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from medsynth_desktop.similarity import METRICS
from medsynth_desktop.workbench.pairs import deciding_metric
from medsynth_desktop.workbench.presenting import distribution
from medsynth_desktop.workbench.state import Workbench

SMALL, WIDE = (430, 650), (760, 900)
"""Of the panel in a window of 1366x768, and taken out of the window."""
WAIT_MS = 30_000


@pytest.fixture
def shown(judged: Workbench, opened: Callable[..., GuardPanel], qtbot: Any) -> Iterator[Callable[..., Any]]:
    """Show the panel as large as asked."""
    panels: list[GuardPanel] = []

    def show(size: tuple[int, int]) -> GuardPanel:
        panel = panels[0] if panels else opened(GuardPanel, show=True)
        panels[:] = [panel]
        panel.resize(*size)
        qtbot.waitUntil(lambda: (panel.width(), panel.height()) == size, timeout=WAIT_MS)
        QApplication.processEvents()
        return panel

    yield show
    for panel in panels:
        panel.pairs.leave()
        panel.hide()


def _decide_by(bench: Workbench, key: str) -> str:
    """Type a limit of ``key`` that blocks the least risky sample, and return that sample."""
    guard = bench.guard
    sample = min((s for s in guard.ids if guard.codes[guard.ids.index(s)] < 2), key=guard.ids.index)
    value, metric = float(guard.metrics[key][guard.ids.index(sample)]), METRICS[key]
    limit = value - 1e-4 if metric.direction == "high" else value + 1e-4
    bench.sign_in("Dr Example")
    bench.set_threshold(key, limit, limit, "as a trial")
    return sample


def test_no_number_of_a_metric_is_cut_or_scrolled(judged: Workbench, shown: Any) -> None:
    table = shown(SMALL).table
    assert table.horizontalScrollBar().maximum() == 0
    keys = [c.key for c in table.rows.table.columns]
    for key in ("verdict", "decision", *(k for k in METRICS.keys() if k in keys)):
        at = keys.index(key)
        assert not table.isColumnHidden(at), key
        assert table.columnWidth(at) >= table.sizeHintForColumn(at), key
        assert table.columnViewportPosition(at) + table.columnWidth(at) <= table.viewport().width(), key


def test_words_that_left_stand_in_tips_and_come_back(judged: Workbench, shown: Any) -> None:
    panel = shown(SMALL)
    rows, keys = panel.table.rows, [c.key for c in panel.table.rows.table.columns]
    decision, nearest = (rows.index(0, keys.index(k)) for k in ("decision", "nearest"))
    assert rows.data(decision) == "–"
    assert rows.data(decision, Qt.ItemDataRole.ToolTipRole) == "Undecided"
    assert rows.data(decision, Qt.ItemDataRole.AccessibleTextRole) == "Undecided"
    assert panel.table.isColumnHidden(keys.index("nearest"))
    tip = rows.data(rows.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    assert rows.table.id(0) in tip
    assert rows.data(nearest) in tip
    shown(WIDE)
    assert rows.data(decision) == "Undecided"
    assert not any(panel.table.isColumnHidden(c) for c in range(rows.columnCount()))


@pytest.mark.parametrize("paired", [False, True])
def test_the_whole_plot_is_in_sight(judged: Workbench, shown: Any, paired: bool) -> None:
    panel = shown(SMALL)
    panel.pair_button.setChecked(paired)
    judged.select(panel.order()[0])
    QApplication.processEvents()
    plot, sight = panel.editors[panel.limits.chooser.metric].plot, panel.scroll.viewport()
    assert plot.isVisible()
    assert plot.mapTo(sight, plot.rect().bottomLeft()).y() < sight.height()
    assert panel.table.viewport().height() >= 3 * panel.table.rowHeight(0)


def test_more_height_is_shared_by_table_and_plot(judged: Workbench, shown: Any) -> None:
    panel = shown(SMALL)
    plot = panel.editors[panel.limits.chooser.metric].plot
    before = panel.table.height(), plot.height()
    shown((430, 1100))
    assert panel.table.height() > before[0]
    assert plot.height() > before[1]


def test_long_reasons_leave_room_until_they_are_asked_for(judged: Workbench, shown: Any, qtbot: Any) -> None:
    why = shown(SMALL).why
    why.show_reasons("", "It is like a real image in a way that takes a long sentence to tell. " * 6)
    QApplication.processEvents()
    line = why.reasons.fontMetrics().lineSpacing()
    assert why.reasons.height() <= CLOSED_LINES * line + PADDING
    why.button.click()
    label = why.reasons
    qtbot.waitUntil(lambda: label.height() >= label.heightForWidth(label.width()), timeout=WAIT_MS)
    why.show_reasons("", "It is like no real image.")
    assert why.button.isHidden()


@pytest.mark.parametrize("key", ["part", "rmse"])
def test_the_metric_that_decided_is_shown_until_the_user_chooses(
    judged: Workbench, shown: Any, key: str
) -> None:
    sample = _decide_by(judged, key)
    panel = shown(SMALL)
    other = next(s for s in panel.order() if s != sample)
    judged.select(other)
    judged.select(sample)
    assert panel.limits.chooser.metric == deciding_metric(judged.guard, sample) == key
    assert panel.limits.stack.currentWidget() is panel.editors[key]
    panel.limits.chooser.choose("correlation")
    judged.set_threshold("correlation", 0.5, 0.999, "a second trial")
    judged.select(sample)
    assert panel.limits.chooser.metric == "correlation"
    judged.select(other)
    judged.select(sample)
    assert panel.limits.chooser.metric == key


def test_a_line_that_is_tried_out_stays_in_sight(judged: Workbench, shown: Any) -> None:
    sample = _decide_by(judged, "part")
    panel = shown(SMALL)
    judged.select(next(s for s in panel.order() if s != sample))
    panel.limits.chooser.choose("rmse")
    judged.preview_threshold("rmse", 0.01, 0.005)
    judged.select(sample)
    assert panel.limits.chooser.metric == "rmse"
    judged.discard_preview()
    assert panel.limits.chooser.metric == "part"


def test_both_limits_have_their_words_in_the_plot(judged: Workbench, shown: Any) -> None:
    panel = shown(SMALL)
    for key, threshold in judged.guard.thresholds.items():
        panel.limits.chooser.choose(key)
        editor = panel.editors[key]
        for values in ((threshold.review,), (threshold.review - 5, threshold.block + 1), (-9.0,), (9.0,)):
            editor.show_distribution(distribution(values, values, threshold))
            QApplication.processEvents()
            room = editor.plot.getViewBox().sceneBoundingRect().adjusted(-2, -2, 2, 2)
            for which, word in (("review", "Review ▲"), ("block", "Block ■")):
                label = editor.plot.lines[which].label
                box = label.mapRectToScene(label.boundingRect())
                assert label.toPlainText().startswith(word)
                assert label.isVisible()
                assert room.contains(box), (key, which, values)


@pytest.mark.parametrize("way", ["flicker_button", "fade_button"])
def test_how_a_pair_is_looked_at_fits_the_panel(judged: Workbench, shown: Any, way: str) -> None:
    panel = shown(SMALL)
    panel.pair_button.setChecked(True)
    button = getattr(panel.pair_bar, way)
    button.setChecked(True)
    QApplication.processEvents()
    assert panel.pair_bar.minimumSizeHint().width() <= panel.scroll.viewport().width()
    seen = [panel.pair_bar.rate_box.isVisible(), panel.pair_bar.fade_slider.isVisible()]
    assert seen == [way == "flicker_button", way == "fade_button"]
    button.setChecked(False)
