"""A pair of CT images is shown in Hounsfield units, as the images themselves are everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari")
from medsynth_guard.panel import GuardPanel

from medsynth_desktop.qt.viewer import VOLUME_KEY
from medsynth_desktop.workbench import pairs
from medsynth_desktop.workbench.state import Workbench


def test_a_pair_of_ct_images_is_in_hounsfield_units(
    judged: Workbench, opened: Callable[..., GuardPanel], viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = pairs._recipe
    window: dict[str, Any] = {
        "intensity": "window",
        "low": -1000.0,
        "high": 400.0,
        "modality": "CT",
        "unit": "HU",
    }
    monkeypatch.setattr(pairs, "_recipe", lambda *names: replace(recipe(*names), **window))
    panel = opened(GuardPanel, viewer)
    panel.pair_button.setChecked(True)
    conformed = judged.sample_array(judged.selected or "")
    synthetic, real, difference = panel.pairs.layers
    for layer in (synthetic, real):
        assert layer.metadata[VOLUME_KEY].unit == "HU"
        assert tuple(layer.contrast_limits) == (-1000, 400)
    np.testing.assert_allclose(
        np.sort(synthetic.data.ravel()), np.sort(conformed.ravel()) * 700 - 300, atol=1e-3
    )
    assert tuple(difference.contrast_limits) == (-700, 700)
    assert "±700 HU" in " ".join(difference.name.split())
    panel.pair_bar.as_is_button.click()
    synthetic, real, difference = panel.pairs.layers
    np.testing.assert_allclose(difference.data, synthetic.data - real.data, atol=1e-2)
    panel.pair_button.setChecked(False)
