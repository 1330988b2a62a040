"""A MONAI bundle is imported in the Sample panel; what it does not say is asked for, and nobody knows its patients."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medsynth_desktop.workbench.foreign import Said
from tests.bundles.zoo import make_zoo

pytestmark = pytest.mark.gui


def test_a_monai_bundle_is_imported_and_its_training_is_unknown(
    viewer, empty_bench, opened, qtbot: QtBot, tmp_path: Path, monkeypatch
) -> None:
    from medsynth_sampler import foreign_dialog, sample_panel
    from medsynth_sampler.model_box import bundle_facts

    zoo = make_zoo(tmp_path / "zoo")
    (zoo.path / "configs" / "metadata.json").unlink()
    panel = opened(sample_panel.SamplePanel, viewer, show=True)
    shown = []

    def fill_in(dialog) -> bool:
        shown.append(dialog)
        assert dialog.said() == Said()
        dialog.grid.setText("16, 16, 16")
        dialog.spacing.setValue(2.5)
        dialog.values.setCurrentIndex(dialog.values.findData("0,1"))
        dialog.scale.setValue(0.5)
        return True

    monkeypatch.setattr(sample_panel.QFileDialog, "getExistingDirectory", lambda *_: str(zoo.path))
    monkeypatch.setattr(foreign_dialog.ForeignDialog, "exec", fill_in)
    panel.ask_import()
    qtbot.waitUntil(lambda: empty_bench.bundle is not None, timeout=120_000)
    assert len(shown) == 1
    bundle = empty_bench.bundle
    assert (bundle.recipe.grid, bundle.recipe.spacing) == ((16, 16, 16), 2.5)
    assert ("Trained on", "a cohort that the model does not name", "") in bundle_facts(bundle, None)


def test_a_grid_that_is_none_is_refused_in_a_sentence() -> None:
    from medsynth_desktop.core.errors import InputRefused

    with pytest.raises(InputRefused, match="whole numbers such as"):
        Said(grid="big").asked()
