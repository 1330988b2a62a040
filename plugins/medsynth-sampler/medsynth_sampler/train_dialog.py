"""Asks what a training shall do: which images to learn from, by which preset, what may be asked for, where to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.qt.engine import PresetChoice
from medsynth_desktop.workbench.modelling import TrainSettings, begun, check_place
from medsynth_sampler.place import Place

INTRODUCTION = (
    "Two networks learn from the training patients of a cohort; the patients kept for calibration stay unseen. Sheets "
    "of what they can do by then appear as they learn. It can be cancelled, and goes on when it is started again "
    "under the same name."
)
GOES_ON = "A training of this name stopped before; it goes on with what was chosen then."


class TrainDialog(QDialog):  # type: ignore[misc]
    """A form; it decides nothing.

    Parameters
    ----------
    presets
        To choose from.
    cohorts, cohort
        Names to choose from, and the open one.
    attributes
        What the images of a cohort say of their patients, by its name.
    parent
        The panel.
    """

    def __init__(
        self,
        presets: Sequence[PresetChoice],
        cohorts: Sequence[str],
        cohort: str | None,
        attributes: Callable[[str], Sequence[str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train a model")
        self._presets, self._attributes = {p.key: p for p in presets}, attributes
        self.cohort = _choice("Cohort", cohorts)
        self.preset = _choice("Preset", [p.key for p in presets])
        self.about = _wrapped()
        self.conditions: dict[str, QCheckBox] = {}
        self._boxes = QWidget()
        self._row = QHBoxLayout(self._boxes)
        self._row.setContentsMargins(0, 0, 0, 0)
        self.steps = _number("Steps of each stage", "as the preset says")
        self.seed = _number("Seed")
        self.early_stop = QCheckBox("Stop early where unseen patients gain no more")
        self.early_stop.setToolTip("A tenth of the training patients is not learnt from, to tell when")
        self.place = Place(self, "model", f"{cohort or 'my'}-model")
        self.name, self.folder = self.place.name, self.place.folder
        self.note = _wrapped()
        self._lay_out()
        self.preset.setCurrentIndex(max(0, self.preset.findText("small")))
        self.cohort.setCurrentIndex(max(0, self.cohort.findText(cohort or "")))
        self._offer_conditions()
        self._check()

    def _lay_out(self) -> None:
        self.asked = QWidget()
        chosen = QFormLayout(self.asked)
        chosen.setContentsMargins(0, 0, 0, 0)
        chosen.addRow("&Learn from", self.cohort)
        chosen.addRow("&Preset", self.preset)
        chosen.addRow("", self.about)
        chosen.addRow("May be asked for", self._boxes)
        chosen.addRow("&Steps", self.steps)
        chosen.addRow("S&eed", self.seed)
        chosen.addRow("", self.early_stop)
        place = QFormLayout()
        self.place.add_to(place)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.start = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.start.setText("Train")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.cohort.currentIndexChanged.connect(self._offer_conditions)
        for changed in (self.preset.currentIndexChanged, self.name.textChanged, self.folder.textChanged):
            changed.connect(self._check)
        column = QVBoxLayout(self)
        column.addWidget(_wrapped(INTRODUCTION))
        column.addLayout(place)
        column.addWidget(self.asked)
        column.addWidget(self.note)
        column.addWidget(self.buttons)
        self.setMinimumWidth(560)

    @property
    def out(self) -> Path:
        """Folder of the model."""
        return self.place.path

    def wishes(self) -> TrainSettings:
        """Return what was chosen."""
        return TrainSettings(
            self.cohort.currentText(),
            self.preset.currentText(),
            self.steps.value() or None,
            self.seed.value(),
            tuple(name for name, box in self.conditions.items() if box.isChecked()),
            self.early_stop.isChecked() or None,
        )

    def _show(self, settings: TrainSettings) -> None:
        self.cohort.setCurrentIndex(self.cohort.findText(settings.cohort))
        self.preset.setCurrentIndex(self.preset.findText(settings.preset))
        self.steps.setValue(settings.steps or 0)
        self.seed.setValue(settings.seed)
        self.early_stop.setChecked(bool(settings.early_stop))
        for name, box in self.conditions.items():
            box.setChecked(name in settings.conditions)

    def _offer_conditions(self, *_: Any) -> None:
        while self._row.count():
            self._row.takeAt(0).widget().deleteLater()
        names = self._attributes(self.cohort.currentText()) if self.cohort.currentText() else ()
        self.conditions = {name: QCheckBox(name) for name in names}
        for box in self.conditions.values():
            self._row.addWidget(box)
        if not names:
            self._row.addWidget(QLabel("nothing: the list of participants told nothing that differs"))
        self._row.addStretch(1)

    def _check(self, *_: Any) -> None:
        """Say what the preset is for and what stands in the way; show a training that stopped as it was asked for."""
        preset = self._presets.get(self.preset.currentText())
        if preset is not None:
            first, second = preset.steps
            self.about.setText(f"{preset.about.capitalize()}: {first:,} and {second:,} steps.")
        named, reason, before = self.place.named, "", None
        if named:
            try:
                check_place(self.out)
                before = begun(self.out)
            except InputRefused as refusal:
                reason = str(refusal)
        if before is not None:
            self._show(before)
        self.asked.setEnabled(before is None)
        self.note.setText(reason or (GOES_ON if before else ""))
        self.start.setText("Go on" if before else "Train")
        self.start.setEnabled(named and not reason and bool(self.cohort.currentText()))


def _choice(name: str, items: Sequence[str]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.addItems(list(items))
    return box


def _number(name: str, nothing: str = "") -> QSpinBox:
    box = QSpinBox()
    box.setRange(0, 10_000_000)
    box.setAccessibleName(name)
    box.setSpecialValueText(nothing)
    return box


def _wrapped(words: str = "") -> QLabel:
    label = QLabel(words)
    label.setWordWrap(True)
    return label
