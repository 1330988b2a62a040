"""The Mesh panel: choose a source and a level, make the surface, see it in 3D, save it in full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.meshes.decimate import MAX_DISPLAY_FACES
from medsynth_desktop.meshes.files import SUFFIXES
from medsynth_desktop.qt.emptystate import EmptyState
from medsynth_desktop.qt.goto import go_to_panel
from medsynth_desktop.qt.panel import Panel
from medsynth_desktop.workbench.surface_facts import Levels, file_filters, surface_facts, why_no_surface
from medsynth_meshes.camera import FrontView
from medsynth_meshes.level import LevelChooser
from medsynth_meshes.sources import SourceBox


class MeshPanel(Panel):
    """Surfaces of samples, real images and open layers.

    Parameters
    ----------
    napari_viewer
        The viewer in which surfaces are shown.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, titles=("Making a surface", "Saving a surface"))
        self.volume: Volume | None = None
        self._reading = 0  # number of the source being read; later ones drop earlier results
        self.view = FrontView(napari_viewer)
        self._fill()
        events = self.workbench.events
        for signal in (events.workspace, events.selection, events.batches, events.verdicts):
            self.listen(signal, self.source.refresh)
        self.listen(events.surface, self._surface_shown)
        self.listen(events.volume, self._image_opened)
        self.listen(events.jobs, self._enable)
        layers = napari_viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            self.listen(event, self._layers_changed)
        self.source.refresh()
        self._read_source()
        self._show_facts()

    def _fill(self) -> None:
        self.source = SourceBox(self.workbench, self.viewer)
        self.source.chosen.connect(self._read_source)
        form = QFormLayout()
        form.addRow("S&urface of", self.source)
        self.body.addLayout(form)
        self.empty = EmptyState("", ("Go to Sample", lambda: go_to_panel(self.viewer, "Sample")))
        self.body.addWidget(self.empty)
        self.content = QWidget()
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, 0, 0, 0)
        self.chooser = LevelChooser()
        column.addWidget(self.chooser)
        column.addLayout(self._options())
        self.make_button = QPushButton("&Make surface")
        self.make_button.clicked.connect(self._make)
        column.addWidget(self.make_button)
        column.addWidget(self._result())
        self.body.addWidget(self.content)
        self.body.addStretch(1)

    def _options(self) -> QFormLayout:
        self.smooth = QSpinBox()
        self.smooth.setRange(0, 200)
        self.smooth.setValue(20)
        self.smooth.setToolTip("Iterations that take off the voxel stairs; 0 keeps the level exactly")
        self.faces = QSpinBox()
        self.faces.setRange(1_000, MAX_DISPLAY_FACES)
        self.faces.setSingleStep(50_000)
        self.faces.setValue(MAX_DISPLAY_FACES)
        self.faces.setGroupSeparatorShown(True)
        self.faces.setToolTip("A larger surface is reduced for the screen; Save always writes all of it")
        self.no_specks = QCheckBox("Lea&ve out specks")
        self.no_specks.setChecked(True)
        self.no_specks.setToolTip(
            "Pieces and cavities under 1% of the largest piece's volume, as noise makes them"
        )
        self.alone = QCheckBox("&Hide images behind the surface")
        self.alone.setChecked(True)
        self.alone.toggled.connect(self.view.hide_images)
        form = QFormLayout()
        form.addRow("Smooth&ing", self.smooth)
        form.addRow("&Faces on screen, at most", self.faces)
        form.addRow(self.no_specks)
        form.addRow(self.alone)
        return form

    def _result(self) -> QGroupBox:
        self.result = QGroupBox("Surface")
        column = QVBoxLayout(self.result)
        self.facts = QFormLayout()
        self.facts.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        column.addLayout(self.facts)
        self.save_button = QPushButton("&Save…")
        self.save_button.setToolTip(
            f"Write the full surface ({', '.join(SUFFIXES)}) with a note on unit and frame beside it"
        )
        self.save_button.clicked.connect(self._ask_where)
        column.addWidget(self.save_button)
        return self.result

    # -- source and level --------------------------------------------------------------------------------------

    def _read_source(self) -> None:
        self._reading += 1
        self.volume = self.attempt(self.source.volume)
        why = why_no_surface(self.volume)
        self.empty.set_sentence(why)
        self.empty.setVisible(bool(why))
        self.content.setVisible(not why)
        self.chooser.show_levels(None)
        self._enable()
        if not why:
            number = self._reading
            self.workbench.read_levels(self.volume, lambda levels: self._levels_read(number, levels))

    def _levels_read(self, number: int, levels: Levels) -> None:
        if number == self._reading:
            self.chooser.show_levels(levels)
            self._enable()

    def _layers_changed(self, _event: object = None) -> None:
        self.source.refresh()

    def _image_opened(self) -> None:
        """Offer what was just opened: who opens an image and comes here wants its surface."""
        shown = self.viewer.layers.selection.active
        if shown is not None:
            self.source.choose_layer(shown.name)

    def _enable(self) -> None:
        busy = self.jobbar.job is not None
        self.make_button.setEnabled(self.chooser.levels is not None and not busy)
        self.make_button.setToolTip("A surface is being made" if busy else "")
        self.save_button.setEnabled(self.workbench.made is not None and not busy)

    # -- making and saving -------------------------------------------------------------------------------------

    def _make(self) -> None:
        if self.volume is None:
            return
        self.view.remember()
        self.attempt(
            self.workbench.make_surface,
            self.volume,
            self.source.name,
            self.chooser.level,
            self.smooth.value(),
            self.faces.value(),
            not self.no_specks.isChecked(),
        )

    def _surface_shown(self, _surface: object, name: str) -> None:
        self._show_facts()
        self.view.look_at(f"{name} surface", self.alone.isChecked())
        self._enable()

    def _show_facts(self) -> None:
        made = self.workbench.made
        self.result.setVisible(made is not None)
        while self.facts.rowCount():
            self.facts.removeRow(0)
        if made is None:
            return
        self.result.setTitle(f"Surface of {' '.join(made.name.split())}")
        for name, value in surface_facts(made.surface, made.seconds, made.shown):
            label = QLabel(value)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.facts.addRow(f"{name}", label)

    def _ask_where(self) -> None:
        made = self.workbench.made
        if made is None:
            return
        name = "-".join(made.name.split()).lower() + SUFFIXES[0]
        path, kind = QFileDialog.getSaveFileName(self, "Save the surface", name, ";;".join(file_filters()))
        if path:
            self.save(with_suffix(Path(path), kind))

    def save(self, path: Path) -> None:
        """Write the surface made last to ``path``."""
        self.attempt(self.workbench.save_surface, path)


def with_suffix(path: Path, chosen_filter: str) -> Path:
    """Give ``path`` the suffix of the chosen filter when it has none of ours."""
    if path.suffix.lower() in SUFFIXES:
        return path
    suffix = next((s for s in SUFFIXES if f"*{s}" in chosen_filter), SUFFIXES[0])
    return path.with_name(path.name + suffix)
