"""What is looked at is what is shown, and that it comes of a model of others is said at the head."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("napari")
from medsynth_guard.panel import GuardPanel

from medsynth_desktop.workbench.state import Workbench

COPY = "S-000000000000"


def test_a_sample_is_shown_when_it_is_looked_at_and_a_strange_model_is_said(
    judged: Workbench, opened: Any
) -> None:
    panel = opened(GuardPanel)
    assert "learnt from" not in panel.heading.text()
    panel.table.looked_at.emit(COPY)
    assert judged.selected == COPY
    assert panel.viewer.layers[-1].name == f"Synthetic {COPY}"
    panel.step(1)
    assert panel.viewer.layers[-1].name == f"Synthetic {judged.selected}" != f"Synthetic {COPY}"
    judged.guard = replace(judged.guard, caution="Nobody here knows whose images the model was trained on.")
    panel.refresh()
    assert "not whom the model learnt from" in panel.heading.text()
