"""The form of one sampling run: how many, by which algorithm, from which seed, on what."""

from __future__ import annotations

import random

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible, QLargeIntSpinBox

from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.qt.engine import EngineFacts
from medsynth_desktop.qt.theme import arrow_icon
from medsynth_desktop.workbench.keeping_away import MOST_DRAWN

LARGEST_SEED = 2**63 - 1 - 100_000
DEFAULTS = SampleSettings()
AUTO = "Best available"


class ConditionField(QWidget):  # type: ignore[misc]
    """One condition of a model: not asked for, or a number.

    Parameters
    ----------
    name
        As the model calls it.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.asked = QCheckBox("ask for")
        self.asked.setAccessibleName(f"Ask for {name}")
        self.number = QDoubleSpinBox()
        self.number.setRange(-1e6, 1e6)
        self.number.setEnabled(False)
        self.number.setAccessibleName(name)
        self.asked.toggled.connect(self.number.setEnabled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.asked)
        row.addWidget(self.number, 1)

    def value(self) -> float | None:
        """Return the number, or None when it is not asked for."""
        return self.number.value() if self.asked.isChecked() else None


class SettingsForm(QWidget):  # type: ignore[misc]
    """Setters and getters only: it decides nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conditions: dict[str, ConditionField] = {}
        self._make_fields()
        self.form = QFormLayout()
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setVerticalSpacing(4)
        self.form.addRow("How &many", self.count)
        self.form.addRow("S&eed", self._seed_row())
        self.form.addRow("&Batch name", self.batch)
        self.condition_form = QFormLayout()
        self.condition_form.setContentsMargins(0, 0, 0, 0)
        inner = QWidget()
        more = QFormLayout(inner)
        more.setContentsMargins(0, 0, 0, 0)
        more.setVerticalSpacing(4)
        more.addRow("Sa&mpler", self.sampler)
        more.addRow("S&teps", self.steps)
        more.addRow("&Device", self.device)
        more.addRow("At &once", self.batch_size)
        more.addRow("&Candidates", self.candidates)
        more.addRow("Attem&pts", self.attempts)
        self.more = QCollapsible(
            "Sampler, device and privacy", expandedIcon=arrow_icon(True), collapsedIcon=arrow_icon(False)
        )
        self.more.addWidget(inner)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.form)
        column.addLayout(self.condition_form)
        column.addWidget(self.more)
        column.addWidget(self.note)

    def _make_fields(self) -> None:
        self.count = _spin(1, 100_000, 1, "How many samples")
        self.steps = _spin(1, 1000, DEFAULTS.steps, "Steps of the sampler")
        self.batch_size = _spin(1, 256, 1, "Samples drawn at once")
        self.batch_size.setToolTip(
            "More at once is faster on a graphics processor, and takes more of its memory"
        )
        self.candidates = _spin(1, MOST_DRAWN, 1, "Candidates for each sample")
        self.candidates.setToolTip(
            "Latent filtering: so many are drawn for a sample; the one farthest from every training image is kept"
        )
        self.attempts = _spin(1, MOST_DRAWN, 1, "Attempts at each sample")
        self.attempts.setToolTip(
            "Above 1 the guard looks at each sample as it is drawn, and draws a blocked one again, so often in all"
        )
        self.seed = QLargeIntSpinBox()
        self.seed.setRange(0, LARGEST_SEED)
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip("The same seed, model and settings give the same image again")
        self.batch = QLineEdit()
        self.batch.setAccessibleName("Batch name")
        self.batch.setToolTip(
            "Empty: a new batch with the next free name. The name of a batch that exists adds to it"
        )
        self.sampler, self.device = QComboBox(), QComboBox()
        self.sampler.setAccessibleName("Sampler")
        self.device.setAccessibleName("Device")
        for box in (self.sampler, self.device):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(12)
        self.sampler.addItem(DEFAULTS.sampler, DEFAULTS.sampler)
        self.device.addItem(AUTO, None)
        self.sampler.activated.connect(self._sampler_chosen)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.hide()
        self._default_steps: dict[str, int] = {}

    def _seed_row(self) -> QWidget:
        self.random_button = QPushButton("Random")
        self.random_button.setToolTip("Draw a new seed")
        self.random_button.clicked.connect(self.draw_seed)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.seed, 1)
        row.addWidget(self.random_button)
        return holder

    def set_facts(self, facts: EngineFacts) -> None:
        """Offer the samplers and devices that there are."""
        self._default_steps = {s.key: s.default_steps for s in facts.samplers}
        self.sampler.clear()
        for choice in facts.samplers:
            self.sampler.addItem(choice.label, choice.key)
        self.sampler.setCurrentIndex(max(0, self.sampler.findData(DEFAULTS.sampler)))
        self.device.clear()
        self.device.addItem(f"{AUTO}: {facts.best}", None)
        for device in facts.devices:
            self.device.addItem(device.words, device.device)
        self.note.setText(facts.note)
        self.note.setVisible(bool(facts.note))

    def set_conditions(self, names: tuple[str, ...]) -> None:
        """Offer the conditions of a model."""
        if tuple(self.conditions) == names:
            return
        while self.condition_form.rowCount():
            self.condition_form.removeRow(0)
        self.conditions = {name: ConditionField(name) for name in names}
        for name, field in self.conditions.items():
            self.condition_form.addRow(name.replace("_", " ").capitalize(), field)

    def settings(self) -> SampleSettings:
        """Return what determines a sample beside its seed and model."""
        asked = {name: field.value() for name, field in self.conditions.items()}
        return SampleSettings(
            sampler=self.sampler.currentData(),
            steps=self.steps.value(),
            conditions={name: value for name, value in asked.items() if value is not None},
            candidates=self.candidates.value(),
            attempts=self.attempts.value(),
        )

    def batch_name(self) -> str | None:
        """Return the name typed for the batch, None where the next free one shall be taken."""
        return self.batch.text().strip() or None

    def suggest_batch(self, name: str) -> None:
        """Show the name that is taken when none is typed."""
        self.batch.setPlaceholderText(f"{name} (automatic)")

    def draw_seed(self) -> None:
        """Put a random seed (below 2^31, short enough to be read aloud)."""
        self.seed.setValue(random.SystemRandom().randrange(2**31))

    def _sampler_chosen(self, _index: int) -> None:
        self.steps.setValue(self._default_steps.get(self.sampler.currentData(), DEFAULTS.steps))


def _spin(low: int, high: int, value: int, name: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setAccessibleName(name)
    return box
