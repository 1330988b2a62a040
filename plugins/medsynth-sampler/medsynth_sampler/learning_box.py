"""Ways to a new model: from patients, from them with differential privacy, or from samples that resemble none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medsynth_desktop.jobs.runner import Job
from medsynth_desktop.qt.engine import Engine
from medsynth_desktop.qt.panel import Panel
from medsynth_desktop.workbench.modelling import attributes_of
from medsynth_desktop.workbench.teaching import DistillSettings
from medsynth_sampler.distill_dialog import DistillDialog, Wishes
from medsynth_sampler.private_dialog import PrivateDialog
from medsynth_sampler.train_dialog import TrainDialog

TRAIN_WORDS = "Train: when no model draws your kind of image yet."
DISTIL_WORDS = "Distil: a model to pass on, taught without patients."
PRIVATE_WORDS = "Fine-tune: fit this model to your patients, privately."
"""When each button is for, in a line of its own."""


class LearningBox(QWidget):  # type: ignore[misc]
    """The buttons, with their dialogs.

    Parameters
    ----------
    panel
        Whose workbench works, and where refusals are told.
    device
        Tells on which device to compute; None is the best.
    """

    def __init__(self, panel: Panel, engine: Engine, device: Callable[[], str | None]) -> None:
        super().__init__()
        self._panel, self._engine, self._device = panel, engine, device
        self.train_button = QPushButton("Train a model…")
        self.train_button.setToolTip(
            "Make a new model that learns to draw images like a cohort's training patients; takes hours to days"
        )
        self.train_button.clicked.connect(lambda: self.ask_train())
        self.distill_button = QPushButton("Distil…")
        self.distill_button.setToolTip(
            "Make a new model from samples of this one that resemble no patient: it never sees one, so it is the one"
            " to hand to others"
        )
        self.distill_button.clicked.connect(lambda: self.ask_distill())
        self.private_button = QPushButton("Fine-tune…")
        self.private_button.setToolTip(
            "Let this model of public images learn from a cohort's patients, with differential privacy: how much it"
            " can tell of any one of them is bounded"
        )
        self.private_button.clicked.connect(lambda: self.ask_private())
        self.words = QLabel(wordWrap=True)
        row = QHBoxLayout()
        row.addWidget(self.train_button)
        row.addWidget(self.distill_button)
        row.addWidget(self.private_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.words)

    def refresh(self) -> None:
        """Offer what the workspace has the images, or the model, for."""
        bench = self._panel.workbench
        self.train_button.setEnabled(bool(bench.cohort_names) and self._engine.facts is not None)
        self.distill_button.setVisible(bench.bundle is not None)
        self.private_button.setVisible(bench.bundle is not None and bool(bench.cohort_names))
        offered = (
            (self.train_button, TRAIN_WORDS),
            (self.distill_button, DISTIL_WORDS),
            (self.private_button, PRIVATE_WORDS),
        )
        self.words.setText("\n".join(words for button, words in offered if not button.isHidden()))
        self.setVisible(bool(bench.cohort_names) or bench.bundle is not None)

    def ask_train(self) -> Job | None:
        """Ask for the settings of a training, and run it in the background; one that stopped before goes on."""
        bench, facts = self._panel.workbench, self._engine.facts
        if facts is None:
            return None
        dialog = TrainDialog(
            facts.presets, bench.cohort_names, bench.cohort.name if bench.cohort else None,
            lambda name: attributes_of(bench.workspace.cohorts.get(name)), self,
        )  # fmt: skip
        if not dialog.exec():
            return None
        return self._started(bench.train, dialog.out, dialog.wishes())

    def ask_distill(self) -> Job | None:
        """Ask for the settings of a distillation of the open model, and run it in the background."""
        bench = self._panel.workbench
        if bench.bundle is None:
            return None
        dialog = DistillDialog(
            bench.bundle.name, bench.cohort_names, bench.cohort.name if bench.cohort else None, self
        )
        return self.distill(dialog.wishes()) if dialog.exec() else None

    def ask_private(self) -> Job | None:
        """Ask how to fine-tune the open model on a cohort's patients, and do it in the background."""
        bench = self._panel.workbench
        if bench.bundle is None:
            return None
        dialog = PrivateDialog(
            bench.bundle.name, bench.cohort_names, bench.cohort.name if bench.cohort else None, self
        )
        return self._started(bench.train_private, dialog.out, *dialog.wishes()) if dialog.exec() else None

    def distill(self, wishes: Wishes) -> Job | None:
        """Run a distillation; one that was begun in the same folder goes on."""
        settings = DistillSettings(
            wishes.filter,  # type: ignore[arg-type]
            wishes.draws,
            wishes.preset,
            autoencoder=wishes.autoencoder,  # type: ignore[arg-type]
        )
        return self._started(self._panel.workbench.distill, wishes.cohort, wishes.out, settings)

    def _started(self, verb: Callable[..., Job], *words: Any) -> Job | None:
        job: Job | None = self._panel.attempt(verb, *words, device=self._device())
        return job
