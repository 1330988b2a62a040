"""All metrics at a glance: what each says of the sample that is looked at, and which one's limits are shown below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QGridLayout, QPushButton, QSizePolicy, QWidget

from medsynth_desktop.core.records import Threshold
from medsynth_desktop.qt.theme import PAPER, VERDICTS
from medsynth_desktop.similarity.base import Metric
from medsynth_desktop.workbench.captions import limit_passed, metric_line, metric_tip

COLUMNS = 2
STYLE = (
    "QPushButton {{ color: {colour}; background: transparent; text-align: left; padding: 2px 5px;"
    " border: 1px solid transparent; }}"
    "QPushButton:checked {{ border-color: {paper}; background: #3a3f4b; }}"
    "QPushButton:focus {{ border-color: #8ecbff; }}"
)


class MetricChooser(QWidget):  # type: ignore[misc]
    """A button for each metric, two in a row; five to eight stand in a dock of 400 pixels.

    Parameters
    ----------
    metrics
        The registered metrics.

    Signals
    -------
    chosen : str
        Key of the metric whose limits are to be shown.
    """

    chosen = Signal(str)

    def __init__(self, metrics: Sequence[Metric]) -> None:
        super().__init__()
        self._metrics = {m.key: m for m in metrics}
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        for metric in metrics:
            button = QPushButton()
            button.setCheckable(True)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.setAccessibleName(f"Limits of {metric.label}")
            button.toggled.connect(lambda on, key=metric.key: self.chosen.emit(key) if on else None)
            self._group.addButton(button)
            self.buttons[metric.key] = button
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)
        self._placed: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """Key of the metric chosen."""
        return next((key for key, button in self.buttons.items() if button.isChecked()), "")

    def choose(self, key: str) -> None:
        """Show the limits of ``key``."""
        self.buttons[key].setChecked(True)

    def show_values(
        self, values: Mapping[str, float], thresholds: Mapping[str, Threshold], known: Sequence[str]
    ) -> None:
        """Say what each metric of ``known`` is of the sample looked at; the others are not shown."""
        for key, button in self.buttons.items():
            metric, limit = self._metrics[key], thresholds.get(key)
            value = values.get(key)
            button.setText(metric_line(metric, value, limit))
            button.setToolTip(metric_tip(metric, value, limit))
            code = limit_passed(metric, value, limit) if value is not None else "pass"
            colour = PAPER if code == "pass" else VERDICTS[code].colour
            style = STYLE.format(colour=colour, paper=PAPER)
            if button.styleSheet() != style:
                button.setStyleSheet(style)
        self._place(tuple(key for key in self.buttons if key in known))

    def _place(self, keys: tuple[str, ...]) -> None:
        if keys == self._placed:
            return
        self._placed = keys
        for place, key in enumerate(keys):
            self._grid.addWidget(self.buttons[key], place // COLUMNS, place % COLUMNS)
        for key, button in self.buttons.items():
            button.setVisible(key in keys)
        if keys and self.metric not in keys:
            self.choose(keys[0])
