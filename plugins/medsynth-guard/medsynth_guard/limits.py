"""The limits of all metrics: what each says, one of them to be seen and moved, cautions, and who moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from medsynth_desktop.guard.matched import preparation_words
from medsynth_desktop.qt.signin import SignIn
from medsynth_desktop.similarity.base import Metric
from medsynth_desktop.workbench.guarding import GuardState
from medsynth_desktop.workbench.pairs import deciding_metric
from medsynth_desktop.workbench.presenting import distribution
from medsynth_desktop.workbench.state import Workbench
from medsynth_guard.cautions import Cautions
from medsynth_guard.chooser import MetricChooser
from medsynth_guard.lifting import Lifting
from medsynth_guard.thresholds import ThresholdEditor

FINISH_FIRST = "Apply or discard the threshold that is being tried out first"
HEADING = "Each metric: this sample / block limit"


class Limits(QWidget):  # type: ignore[misc]
    """Shows the guard's limits; the panel connects the editors to the verbs.

    Parameters
    ----------
    workbench
        Who is signed in.
    metrics
        The registered metrics.
    opened
        Called with a widget that is to be brought into view.
    """

    def __init__(
        self, workbench: Workbench, metrics: Sequence[Metric], opened: Callable[[QWidget], None]
    ) -> None:
        super().__init__()
        self._bars: tuple[object, object] = (None, None)
        self._followed: str | None = None  # the sample whose deciding metric was shown
        self._trying = False
        self.heading = QLabel(HEADING)
        self.chooser = MetricChooser(metrics)
        self.stack = QStackedWidget()
        self.editors: dict[str, ThresholdEditor] = {}
        for metric in metrics:
            self.editors[metric.key] = ThresholdEditor(metric)
            self.stack.addWidget(self.editors[metric.key])
        self.chooser.chosen.connect(lambda key: self.stack.setCurrentWidget(self.editors[key]))
        if self.editors:
            self.chooser.choose(next(iter(self.editors)))
        self.sign_in = SignIn(workbench)
        self.caution = Cautions(opened)
        self.calibrated_button = QPushButton("&Back to calibrated")
        self.calibrated_button.setToolTip(
            "Put the thresholds from unseen patients back in force, in place of typed ones; asks why"
        )
        self.lifting = Lifting()
        self.calibrated_button.clicked.connect(self.lifting.ask)
        self.calibrated_button.clicked.connect(lambda: opened(self.lifting))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self.heading, self.chooser, self.stack, self.caution):
            column.addWidget(widget)
        row = QHBoxLayout()
        row.addWidget(self.sign_in, 1)
        row.addWidget(self.calibrated_button, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        column.addWidget(self.lifting)

    def show_limits(self, guard: GuardState, trying: str | None) -> None:
        """Show where the limits lie; ``trying``: the one that is being moved and is not in force."""
        self._trying = trying is not None
        bars = (guard.metrics, guard.calibration)
        same = all(a is b for a, b in zip(bars, self._bars, strict=True))
        prepared = preparation_words(guard.calibration)
        thresholds = guard.thresholds
        for key, editor in self.editors.items():
            threshold = thresholds.get(key)
            if not same:
                bins = distribution(guard.metrics.get(key, ()), guard.unseen.get(key, ()), threshold)
                editor.show_distribution(bins)
            editor.show_threshold(threshold, trying == key, prepared)
            locked = trying is not None and trying != key
            editor.set_movable(not locked, FINISH_FIRST if locked else "")
        self._bars = bars
        self.caution.show_warnings(guard.warnings)
        typed = [t for t in thresholds.values() if t.origin == "typed"] if trying is None else []
        labels = {key: editor.measure.label for key, editor in self.editors.items()}
        self.lifting.show_typed([(labels.get(t.metric, t.metric), t) for t in typed])
        self.calibrated_button.setEnabled(bool(typed))

    def show_sample(self, guard: GuardState, sample: str | None) -> None:
        """Say what every metric is of ``sample``, and bring the one that decided its verdict to the front."""
        values: dict[str, float] = {}
        if sample in guard.nearest:
            place = guard.ids.index(sample)
            values = {key: float(column[place]) for key, column in guard.metrics.items()}
        known = [
            key
            for key in self.editors
            if key in guard.thresholds or np.isfinite(guard.metrics.get(key, np.zeros(0))).any()
        ]
        self.chooser.show_values(values, guard.thresholds, known)
        self._show_deciding(guard, sample)

    def _show_deciding(self, guard: GuardState, sample: str | None) -> None:
        """Once for each sample that is come to: what the user chooses then stays, and a line being tried out too."""
        if self._trying or sample == self._followed or sample not in guard.nearest:
            return
        self._followed = sample
        if key := deciding_metric(guard, sample):
            self.chooser.choose(key)
