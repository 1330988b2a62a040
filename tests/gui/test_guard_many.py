"""Ten thousand samples in the Guard's table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari")
from medsynth_guard.table import VerdictView
from qtpy.QtWidgets import QApplication

from medsynth_desktop.similarity import METRICS
from medsynth_desktop.workbench.guarding import GuardState
from medsynth_desktop.workbench.state import Workbench
from medsynth_desktop.workbench.verdict_table import VerdictTable


class Counted(VerdictTable):
    """Counts the cells that are made."""

    cells = 0

    def text(self, row: int, column: int) -> str:
        Counted.cells += 1
        return super().text(row, column)


def test_ten_thousand_samples_cost_only_the_rows_on_screen(judged: Workbench, qtbot: Any) -> None:
    many = 10_000
    nearest = next(iter(judged.guard.nearest.values()))
    generator = np.random.default_rng(0)
    state = GuardState(
        judged.guard.policy,
        judged.guard.calibration,
        dict.fromkeys((f"S-{i}" for i in range(many)), nearest),
        tuple(f"S-{i}" for i in range(many)),
        {m.key: generator.uniform(0.5, 1, many) for m in METRICS},
        np.zeros(many, np.int8),
    )
    view = VerdictView({})
    qtbot.addWidget(view)
    view.resize(390, 200)
    view.show()
    seen = view.viewport().height() // view.rowHeight(0) + 2 if view.rows.rowCount() else 12
    for step in range(5):
        state = state.moved("correlation", 0.6, 0.7 + step / 50)
        Counted.cells = 0
        view.show_table(Counted(state, {}, tuple(METRICS)), "S-5")
        for _ in range(3):
            QApplication.processEvents()
        assert Counted.cells <= 4 * seen * view.rows.columnCount()
    assert view.rows.rowCount() == many
    assert not [child for child in view.viewport().children() if child.isWidgetType()]
