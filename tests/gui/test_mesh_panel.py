from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari")
from medsynth_meshes.panel import MeshPanel, with_suffix
from napari.components import ViewerModel

from medsynth_desktop.meshes.files import read_surface
from medsynth_desktop.qt.viewer import show_volume
from medsynth_desktop.workbench.state import Workbench

WAIT_MS = 20_000


@pytest.fixture
def open_panel(opened: Callable[..., MeshPanel]) -> Callable[..., MeshPanel]:
    return partial(opened, MeshPanel)


def ready(panel: MeshPanel, qtbot: Any) -> None:
    qtbot.waitUntil(panel.make_button.isEnabled, timeout=WAIT_MS)


def test_without_an_image_it_says_what_to_choose(empty_bench: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    assert panel.content.isHidden()
    assert "Choose a sample" in panel.empty.label.text()


def test_sources_are_the_sample_its_nearest_and_the_layers(judged: Workbench, open_panel: Any) -> None:
    viewer = ViewerModel()
    viewer.add_image(np.zeros((4, 4, 4), np.float32), name="mine")
    panel = open_panel(viewer)
    names = [panel.source.itemText(i) for i in range(panel.source.count())]
    nearest = judged.guard.nearest[judged.selected].neighbours[0].image
    assert names == [
        f"Selected sample {judged.selected}",
        f"Its nearest real image {nearest}",
        "Layer mine",
    ]
    panel.source.setCurrentIndex(1)
    assert panel.source.name == f"Real {nearest}"
    other = judged.batch.samples[3].id
    judged.select(other)  # the kind stays chosen, the image follows
    assert panel.source.source == ("real", judged.guard.nearest[other].neighbours[0].image)
    viewer.layers.remove("mine")
    assert panel.source.count() == 2


def test_slider_number_and_line_move_together(judged: Workbench, open_panel: Any, qtbot: Any) -> None:
    panel = open_panel()
    ready(panel, qtbot)
    chooser = panel.chooser
    assert chooser.levels.low < chooser.level < chooser.levels.high
    chooser.box.setValue(0.25)
    assert chooser.slider.value() == chooser.levels.slider(0.25)
    assert chooser.histogram.line.value() == pytest.approx(0.25)
    chooser.histogram.line.setValue(-0.125)
    assert chooser.level == pytest.approx(-0.125)
    chooser.set_level(-0.1234567)
    assert chooser.level == -0.1234567  # the box has fewer digits
    chooser.slider.setValue(0)
    assert chooser.level == pytest.approx(chooser.levels.low, abs=1e-3)


def test_a_surface_is_made_shown_in_3d_and_saved_in_full(
    judged: Workbench, open_panel: Any, viewer: Any, qtbot: Any, tmp_path: Path
) -> None:
    image = show_volume(viewer, judged.sample_volume(judged.selected), "mine")
    panel = open_panel(viewer)
    ready(panel, qtbot)
    assert panel.result.isHidden()
    panel.faces.setValue(1_000)
    panel.make_button.click()
    qtbot.waitUntil(lambda: judged.made is not None, timeout=WAIT_MS)
    layer = viewer.layers[f"Synthetic {judged.selected} surface"]
    assert viewer.dims.ndisplay == 3
    assert len(layer.data[1]) <= 1_000 < len(judged.made.surface.faces)
    low, high = image.extent.world
    first, last = layer.extent.world
    assert np.all(first >= low - 1e-3)  # the surface lies where the image lies, in millimetres
    assert np.all(last <= high + 1e-3)
    assert tuple(r.step for r in viewer.dims.range) == tuple(image.scale)  # slices are the image's own
    assert not image.visible
    panel.alone.setChecked(False)
    assert image.visible
    facts = {
        panel.facts.itemAt(r, panel.facts.ItemRole.LabelRole).widget().text(): panel.facts.itemAt(
            r, panel.facts.ItemRole.FieldRole
        )
        .widget()
        .text()
        for r in range(panel.facts.rowCount())
    }
    assert facts["Watertight"] == "yes"
    assert facts["Faces"] == f"{len(judged.made.surface.faces):,}"
    assert "Save writes all" in facts["On screen"]
    qtbot.waitUntil(panel.save_button.isEnabled, timeout=WAIT_MS)
    panel.save(tmp_path / "head.stl")
    qtbot.waitUntil((tmp_path / "head.stl.json").exists, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "RAS" in panel.banner.text, timeout=WAIT_MS)
    assert len(read_surface(tmp_path / "head.stl").faces) == len(judged.made.surface.faces)
    assert json.loads((tmp_path / "head.stl.json").read_text())["unit"] == "mm"


def test_the_camera_is_turned_once_only(judged: Workbench, open_panel: Any, qtbot: Any) -> None:
    viewer = ViewerModel()
    panel = open_panel(viewer)
    ready(panel, qtbot)
    panel.make_button.click()
    qtbot.waitUntil(lambda: viewer.dims.ndisplay == 3, timeout=WAIT_MS)
    assert viewer.scene.camera.view_direction[1] > 0.8  # from the front
    viewer.scene.camera.angles = (10, 20, 30)
    first = judged.made
    ready(panel, qtbot)
    panel.make_button.click()
    qtbot.waitUntil(lambda: judged.made is not first, timeout=WAIT_MS)
    assert viewer.scene.camera.angles == pytest.approx((10, 20, 30))


def test_a_picture_has_no_surface(empty_bench: Workbench, open_panel: Any) -> None:
    viewer = ViewerModel()
    viewer.add_image(np.zeros((8, 9), np.float32), name="flat")
    panel = open_panel(viewer)
    assert "single picture" in panel.empty.label.text()
    assert panel.content.isHidden()


def test_a_flat_volume_is_refused_in_words(empty_bench: Workbench, open_panel: Any, qtbot: Any) -> None:
    viewer = ViewerModel()
    viewer.add_image(np.zeros((8, 9, 7), np.float32), name="flat")
    panel = open_panel(viewer)
    qtbot.waitUntil(lambda: panel.banner.level == "error", timeout=WAIT_MS)
    assert "needs contrast" in panel.banner.text
    assert not panel.make_button.isEnabled()


def test_the_filter_gives_the_suffix() -> None:
    assert with_suffix(Path("head"), "PLY (*.ply)") == Path("head.ply")
    assert with_suffix(Path("head.obj"), "PLY (*.ply)") == Path("head.obj")
    assert with_suffix(Path("head"), "") == Path("head.stl")
