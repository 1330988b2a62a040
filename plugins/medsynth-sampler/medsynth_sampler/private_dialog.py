"""Asks how the open model shall be fine-tuned on patients with differential privacy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.workbench.tuning import PrivateChoice, begun, check_place
from medsynth_sampler.place import Place

PARTS = (("attention", "The attention alone: less noise for the same epsilon"), ("all", "All of the UNet"))
DEFAULTS = PrivateChoice()
INTRODUCTION = (
    "The open model, which must have learnt from other, public images, learns from a cohort's training patients with "
    "noise (DP-SGD): whoever has the result can tell of no patient whether he was there, but for epsilon. The smaller "
    "epsilon, the stronger the protection and the less is learnt. Hundreds of patients are better than tens."
)
GOES_ON = "A fine-tuning of this name stopped before; with the same numbers it goes on."


class PrivateDialog(QDialog):  # type: ignore[misc]
    """A form; it decides nothing.

    Parameters
    ----------
    base
        Name of the open model.
    cohorts, cohort
        Names to choose from, and the open one.
    parent
        The panel.
    """

    def __init__(
        self, base: str, cohorts: Sequence[str], cohort: str | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Fine-tune {base} with differential privacy")
        self.cohort, self.parts = QComboBox(), QComboBox()
        self.cohort.setAccessibleName("Cohort")
        self.cohort.addItems(list(cohorts))
        self.cohort.setCurrentIndex(max(0, self.cohort.findText(cohort or "")))
        self.parts.setAccessibleName("What is fine-tuned")
        for key, words in PARTS:
            self.parts.addItem(words, key)
        self.epsilon = QDoubleSpinBox()
        self.epsilon.setRange(0.1, 100)
        self.epsilon.setDecimals(1)
        self.epsilon.setValue(DEFAULTS.epsilon)
        self.epsilon.setAccessibleName("Epsilon")
        self.epsilon.setToolTip(
            "Published: 10. Delta is a tenth of the power of ten below one over the patients"
        )
        self.steps = _number("Steps", DEFAULTS.steps)
        self.batch = _number("Patients in a step, on average", DEFAULTS.batch)
        self.place = Place(self, "model", f"{base}-private")
        self.note = QLabel()
        self.note.setWordWrap(True)
        self._lay_out()
        self._check()

    def _lay_out(self) -> None:
        words = QLabel(INTRODUCTION)
        words.setWordWrap(True)
        form = QFormLayout()
        form.addRow("&Learn from", self.cohort)
        form.addRow("&Epsilon", self.epsilon)
        form.addRow("Fine-&tune", self.parts)
        form.addRow("&Steps", self.steps)
        form.addRow("&Patients in a step", self.batch)
        self.place.add_to(form)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.start = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        for changed in (self.place.name.textChanged, self.place.folder.textChanged):
            changed.connect(self._check)
        column = QVBoxLayout(self)
        column.addWidget(words)
        column.addLayout(form)
        column.addWidget(self.note)
        column.addWidget(self.buttons)
        self.setMinimumWidth(560)

    @property
    def out(self) -> Path:
        """Folder of the new model."""
        return self.place.path

    def wishes(self) -> tuple[str, PrivateChoice]:
        """Return the cohort's name and what was chosen."""
        choice = PrivateChoice(
            self.epsilon.value(), None, self.parts.currentData(), self.steps.value(), self.batch.value()
        )
        return self.cohort.currentText(), choice

    def _check(self, *_: Any) -> None:
        named, refused, before = self.place.named, "", False
        if named:
            try:
                check_place(self.out)
                before = begun(self.out)
            except InputRefused as refusal:
                refused = str(refusal)
        self.note.setText(refused or (GOES_ON if before else ""))
        self.start.setText("Go on" if before else "Fine-tune")
        self.start.setEnabled(named and not refused and bool(self.cohort.currentText()))


def _number(name: str, value: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(1, 1_000_000)
    box.setValue(value)
    box.setAccessibleName(name)
    return box
