"""The Cohort panel, its import dialog, and the readers and writers of medsynth-volumes."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from tests.gui.phantoms import PATIENTS, SHAPE, head, write_heads


@pytest.fixture
def panel(viewer, bench, opened):
    from medsynth_volumes.cohort_panel import CohortPanel

    return opened(CohortPanel, viewer, show=True)


@pytest.fixture
def empty_panel(viewer, empty_bench, opened):
    from medsynth_volumes.cohort_panel import CohortPanel

    return opened(CohortPanel, viewer, show=True)


def test_lists_every_image_by_pseudonym(panel, bench) -> None:
    names = [panel.model.data(panel.model.index(row)) for row in range(panel.model.rowCount())]
    assert names == [i.id for i in bench.cohort.images]
    assert len(names) == PATIENTS
    assert all(n.startswith("P-") for n in names)


def test_split_filter(panel, bench) -> None:
    panel.shown.setCurrentIndex(panel.shown.findData("calibration"))
    panel.shown.activated.emit(panel.shown.currentIndex())
    assert panel.model.rowCount() == len(bench.cohort.split("calibration")) > 0


def test_skipped_files_are_told_with_their_reason(panel, bench) -> None:
    assert panel.skipped_box.isVisibleTo(panel)
    assert panel.skipped.topLevelItemCount() == len(bench.cohort.skipped) == 1
    assert panel.skipped.topLevelItem(0).text(1)


def test_choosing_an_image_shows_it(panel, viewer, bench) -> None:
    panel.images.setCurrentIndex(panel.model.index(2))
    first = bench.cohort.images[2]
    assert [layer.name for layer in viewer.layers] == [f"Real {first.id}"]
    drawn = viewer.layers[0].data
    np.testing.assert_array_equal(drawn[::-1, ::-1, ::-1].transpose(2, 1, 0), bench.image_array(first.id))
    panel.images.setCurrentIndex(panel.model.index(3))
    assert len(viewer.layers) == 1


def test_empty_workspace_says_what_to_do(empty_panel) -> None:
    assert empty_panel.empty.isVisibleTo(empty_panel)
    assert not empty_panel.full.isVisibleTo(empty_panel)


def test_import_from_the_dialog(empty_panel, empty_bench, qtbot: QtBot, tmp_path: Path) -> None:
    dialog = empty_panel.ask_import()
    dialog.folder.line.setText(str(write_heads(tmp_path / "heads", 4)))
    assert dialog.name.text() == "heads"
    dialog.grid.setText("32,40,32")
    dialog.spacing.setValue(5)
    dialog.import_button.click()
    qtbot.waitUntil(lambda: empty_bench.cohort is not None, timeout=30_000)
    assert empty_bench.cohort.name == "heads"
    assert empty_bench.cohort.recipe.grid == SHAPE
    assert empty_panel.full.isVisibleTo(empty_panel)
    assert empty_panel.model.rowCount() == 4
    qtbot.waitUntil(lambda: not empty_panel.jobbar.isVisibleTo(empty_panel), timeout=5_000)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("folder", "/nowhere/at/all", "folder"),
        ("name", "", "name"),
        ("name", "phantoms", "exists already"),
        ("grid", "64;banana", "grid"),
        ("pattern", "(unclosed", "regular expression"),
    ],
)
def test_dialog_refuses_nonsense_in_words(
    panel, qtbot: QtBot, tmp_path: Path, field: str, text: str, said: str
) -> None:
    dialog = panel.ask_import()
    dialog.folder.line.setText(str(tmp_path))
    dialog.name.setText("fine")
    widget = getattr(dialog, field)
    getattr(widget, "line", widget).setText(text)
    dialog.import_button.click()
    assert dialog.isVisible()
    assert said in dialog.banner.text
    assert "nowhere" not in dialog.banner.text
    dialog.reject()


def test_window_answers_while_images_are_read(panel, bench, qtbot: QtBot, tmp_path: Path) -> None:
    from medsynth_desktop.qt import bridge

    before = bridge.current_poller().ticks
    bench.import_cohort("more", [write_heads(tmp_path / "more", 4)], grid=SHAPE, spacing=5.0)
    qtbot.waitUntil(lambda: bench.cohort.name == "more", timeout=30_000)
    assert bridge.current_poller().ticks > before


def test_reader_gives_true_geometry(viewer, tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    affine = np.array([[0, 0, 3.0, 5], [-2.0, 0, 0, 7], [0, 2.5, 0, -4], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(head(0), affine), path)
    layers = viewer.open(str(path), plugin="medsynth-volumes")
    assert len(layers) == 1
    np.testing.assert_allclose(layers[0].scale, (2.5, 2.0, 3.0))
    saved = viewer.layers.save(str(tmp_path / "b.nii.gz"), plugin="medsynth-volumes")
    back = nibabel.load(saved[0])
    canonical = nibabel.as_closest_canonical(nibabel.load(path))
    np.testing.assert_allclose(back.affine, canonical.affine, atol=1e-4)
    np.testing.assert_allclose(back.get_fdata(), canonical.get_fdata(), rtol=1e-6)


def test_reader_leaves_other_files_alone(tmp_path: Path) -> None:
    from medsynth_volumes.readers import get_reader

    text = tmp_path / "notes.txt"
    text.write_text("no image")
    assert get_reader(str(text)) is None
    assert get_reader(str(tmp_path / "absent.nii")) is None


@pytest.mark.realdata
def test_dicom_folder_opens(viewer, shared_data: Path) -> None:
    folders = sorted({p.parent for p in (shared_data / "dicom-cases").rglob("*.dcm")})
    assert folders
    layers = viewer.open(str(folders[0]), plugin="medsynth-volumes")
    assert layers
    assert all(layer.data.dtype in (np.uint8, np.uint16, np.int16, np.float32) for layer in layers)


def test_recognition_is_trained_by_a_button_and_told(
    panel, bench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medsynth_desktop.similarity.features.own import load_recogniser
    from medsynth_desktop.training import identity

    monkeypatch.setattr(identity, "STEPS", 2)
    told = []
    bench.events.told.connect(lambda level, sentence: told.append((level, sentence)))
    assert load_recogniser(bench.workspace, bench.cohort) is None
    panel.recognition_button.click()
    qtbot.waitUntil(lambda: bool(told), timeout=60_000)
    assert told[0][0] == "info"
    assert "AUC" in told[0][1]
    assert load_recogniser(bench.workspace, bench.cohort) is not None


def test_file_open_sample_shows_an_image_of_each_demo(viewer) -> None:
    shapes = {}
    for key in ("demo-head", "demo-chest"):
        (layer,) = viewer.open_sample("medsynth-volumes", key)
        assert "synthetic" in layer.name
        shapes[key] = tuple(n for n in layer.data.shape if n > 1)
    assert sorted(shapes["demo-head"]) == [48, 64, 64]
    assert shapes["demo-chest"] == (96, 96)
