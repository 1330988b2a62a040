"""Why a copy in disguise is blocked, as the officer sees it: undone, outlined, flickering, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari")
from medsynth_guard.panel import GuardPanel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.workbench.guarding import GuardState
from medsynth_desktop.workbench.state import Workbench
from tests.gui.judged_workspace import GRID_3D, anatomy, mirrored, plant

WAIT_MS = 60_000
SHIFT = 2
LOW, HIGH = (4, 6, 3), (12, 18, 11)


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


def real(bench: Workbench) -> tuple[ImageRecord, np.ndarray]:
    record = bench.cohort.split("train")[5]
    return record, np.asarray(bench.image_array(record.id), np.float32)


def planted(bench: Workbench, array: np.ndarray, **more: Any) -> str:
    """Put a copy in disguise into the open batch and look at it."""
    sample = plant(bench.workspace, array, mirrored(real(bench)[0], GRID_3D, SHIFT, **more))
    bench.use_batch(bench.batch.name)
    bench.select(sample)
    return sample


def moved(bench: Workbench) -> np.ndarray:
    """The real image mirrored and shifted, air coming in."""
    array = np.full(GRID_3D, -1, np.float32)
    array[SHIFT:] = real(bench)[1][::-1][:-SHIFT]
    return array


def a_whole_copy(bench: Workbench) -> str:
    return planted(bench, moved(bench))


def a_part(bench: Workbench) -> str:
    array, box = anatomy(GRID_3D, 777), tuple(slice(a, b) for a, b in zip(LOW, HIGH, strict=True))
    array[box] = moved(bench)[box]
    return planted(bench, array, whole=-0.5, low=LOW, high=HIGH)


def names(panel: GuardPanel) -> list[str]:
    return [" ".join(layer.name.split()) for layer in panel.pairs.layers]


def show(panel: GuardPanel, bench: Workbench, sample: str) -> None:
    panel.step(0)
    bench.select(sample)
    panel.pair_button.setChecked(True)


def test_a_mirrored_copy_is_shown_with_its_disguise_undone(judged: Workbench, open_panel: Any) -> None:
    sample, panel = a_whole_copy(judged), open_panel()
    said, image = panel.explanation.text(), real(judged)[0].id
    assert said.startswith(
        f"A mirrored copy of {image}: likeness 0.990 once that is undone; unseen patients reach "
    )
    assert panel.reasons.isHidden()  # in full on a click
    panel.why.button.click()
    assert "Aligned likeness 0.990" in panel.reasons.text()
    show(panel, judged, sample)
    assert panel.pair_bar.undone_button.isChecked()
    assert names(panel)[1].startswith(f"Real {image}, disguise undone")
    assert "it was mirrored" in names(panel)[1]
    assert names(panel)[2].startswith("Difference after alignment")
    synthetic, laid, difference = (np.asarray(layer.data) for layer in panel.pairs.layers)
    assert np.abs(difference).max() < 1e-4
    assert np.abs(synthetic - laid).max() < 1e-4
    panel.pair_bar.as_is_button.click()
    assert names(panel)[1].startswith("Nearest real ")
    assert "alignment" not in names(panel)[2]
    assert np.abs(np.asarray(panel.pairs.layers[2].data)).max() > 0.2
    assert not any(len(layer.data) for layer in panel.pairs.outlines)
    panel.keys["U"]()
    assert panel.pair_bar.undone_button.isChecked()
    assert "disguise undone" in names(panel)[1]


def test_every_metric_has_its_value_and_shape_in_the_caption(judged: Workbench, open_panel: Any) -> None:
    sample, panel = a_whole_copy(judged), open_panel()
    show(panel, judged, sample)
    assert "Align. 0.990 ■" in names(panel)[0]
    assert "Part 0.990 ■" in names(panel)[0]
    for metric in METRICS:
        if metric.key in judged.guard.thresholds:
            assert metric.title in names(panel)[0]
            assert panel.limits.chooser.buttons[metric.key].text().split()[1] == metric.title


def test_the_part_that_is_alike_is_outlined_in_the_slices_that_it_crosses(
    judged: Workbench, open_panel: Any, viewer: Any
) -> None:
    sample, panel = a_part(judged), open_panel(viewer)
    assert panel.explanation.text().startswith("A mirrored copy of a part of P-")
    show(panel, judged, sample)
    image, (outline, *others) = panel.pairs.layers[0], panel.pairs.outlines
    assert len(others) == 2
    data = np.asarray(image.data)  # (z, y, x), all three from the far end
    shape = data.shape
    low = [n - b for n, b in zip(shape, HIGH[::-1], strict=True)]
    high = [n - a for n, a in zip(shape, LOW[::-1], strict=True)]
    assert np.abs(np.asarray(panel.pairs.layers[2].data)[tuple(map(slice, low, high))]).max() < 1e-4
    for order in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        viewer.dims.order = order
        paged = order[0]
        for at, crossed in (
            (low[paged] - 1, False),
            (low[paged], True),
            (high[paged] - 1, True),
            (high[paged], False),
        ):
            viewer.dims.set_point(paged, float(image.data_to_world([at] * 3)[paged]))
            assert [len(layer.data) for layer in panel.pairs.outlines] == [int(crossed)] * 3, (order, at)
            if crossed:
                corners = np.asarray(outline.data[0])
                for axis in order[1:]:
                    assert (corners[:, axis].min(), corners[:, axis].max()) == (
                        low[axis] - 0.5,
                        high[axis] - 0.5,
                    )
    viewer.dims.order = (0, 1, 2)
    panel.pair_button.setChecked(False)
    assert [layer.name for layer in viewer.layers] == [f"Synthetic {sample}"], (
        "what was looked at before the pair"
    )


def test_a_flicker_shows_both_in_one_place_and_stops_when_the_panel_is_left(
    judged: Workbench, open_panel: Any, viewer: Any, qtbot: Any
) -> None:
    sample, panel = a_whole_copy(judged), open_panel(viewer)
    panel.show()
    show(panel, judged, sample)
    panel.pair_bar.rate_box.setValue(6)
    qtbot.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_F)
    assert panel.pair_bar.flicker_button.isChecked()
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (1, 2)
    synthetic, laid, difference = panel.pairs.layers
    for shown in (True, False, True):
        qtbot.waitUntil(lambda shown=shown: laid.visible is shown, timeout=WAIT_MS)
        assert synthetic.visible is not shown
        assert difference.visible
    panel.hide()
    assert not panel.pairs.flickering
    assert not panel.pair_bar.flicker_button.isChecked()
    assert all(layer.visible for layer in panel.pairs.layers)
    assert panel.pairs.active
    panel.show()
    panel.pair_bar.flicker_button.click()
    assert panel.pairs.flickering
    panel.pair_button.setChecked(False)
    assert not panel.pairs.flickering
    assert [layer.name for layer in viewer.layers] == [f"Synthetic {sample}"], (
        "what was looked at before the pair"
    )
    panel.hide()


def test_a_fade_lays_the_real_image_over_the_sample(
    judged: Workbench, open_panel: Any, viewer: Any, qtbot: Any
) -> None:
    sample, panel = a_whole_copy(judged), open_panel(viewer)
    panel.show()
    show(panel, judged, sample)
    bar = panel.pair_bar
    bar.fade_button.click()
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (1, 2)
    synthetic, laid, _difference = panel.pairs.layers
    assert synthetic.opacity == pytest.approx(0.5)
    assert laid.opacity == 1
    bar.fade_slider.setFocus()
    qtbot.keyClick(bar.fade_slider, Qt.Key.Key_PageUp)
    assert synthetic.opacity == pytest.approx(0.25)
    assert viewer.layers.index(synthetic) > viewer.layers.index(laid)  # it lies on top
    bar.flicker_button.click()
    assert not bar.fade_button.isChecked()
    assert synthetic.opacity == 1
    bar.flicker_button.click()
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (1, 3)
    bar.fade_button.click()
    panel.hide()
    assert not panel.pairs.flickering
    assert [layer.opacity for layer in panel.pairs.layers] == [1, 1, 1]
    panel.pair_button.setChecked(False)


def test_a_metric_is_a_column_a_caption_and_a_threshold_by_its_registration_alone(
    judged: Workbench, open_panel: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(METRICS, "_found", dict(METRICS._load()))
    for key in ("dictionary_x", "retrieval_x", "verification_x"):
        title = key.split("_")[0].capitalize()
        METRICS.register(
            replace(METRICS["correlation"], key=key, label=f"{title} of images", short=title[:6])
        )
    judged.guard = GuardState.of(judged.workspace, judged.cohort, judged.batch)
    panel = open_panel()
    panel.resize(430, 680)
    panel.show()
    QApplication.processEvents()
    rows = panel.table.rows
    titles = [rows.headerData(c, Qt.Orientation.Horizontal) for c in range(rows.columnCount())]
    assert {"Dictio", "Retrie", "Verifi"} <= set(titles)
    shown = [b for b in panel.limits.chooser.buttons.values() if not b.isHidden()]
    assert len(shown) == len([m for m in METRICS if not m.optional or m.key in judged.guard.thresholds]) >= 8
    assert all(b.fontMetrics().horizontalAdvance(b.text()) + 12 <= b.width() for b in shown)
    assert panel.content.minimumSizeHint().width() <= panel.scroll.viewport().width()
    panel.limits.chooser.buttons["retrieval_x"].click()
    assert panel.limits.stack.currentWidget() is panel.editors["retrieval_x"]
    panel.pair_button.setChecked(True)
    assert "Dictio 0.99" in names(panel)[0]
    panel.pair_button.setChecked(False)
    panel.hide()
