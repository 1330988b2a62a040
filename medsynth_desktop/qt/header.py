"""The line on top: which workspace, cohort, model and batch are open, what computes, and who is signed in."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from medsynth_desktop.qt.banner import MessageBanner
from medsynth_desktop.qt.engine import Engine
from medsynth_desktop.qt.listening import Ear
from medsynth_desktop.qt.theme import LEVELS, signal_pixmap
from medsynth_desktop.workbench.state import Workbench

SIGN_IN = "Sign in…"


class Fact(QWidget):  # type: ignore[misc]
    """A small grey name with its value beside it; long values are cut, the tool tip has them whole."""

    def __init__(self, name: str, widest: int = 190) -> None:
        super().__init__()
        self._name, self._widest = name, widest
        self.value = QLabel()
        self.value.setTextFormat(Qt.TextFormat.PlainText)
        title = QLabel(name)
        title.setStyleSheet("color: #a9b2be;")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        self.icon = QLabel()
        self.icon.hide()
        row.addWidget(title)
        row.addWidget(self.icon)
        row.addWidget(self.value)

    def show_value(self, text: str, tip: str = "") -> None:
        """Write the value."""
        cut = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, self._widest)
        self.value.setText(cut)
        self.setToolTip(tip or text)
        self.setAccessibleName(f"{self._name}: {text}")


class HeaderLine(QWidget):  # type: ignore[misc]
    """Facts of the open workspace in one line, and below it the banner of the shell.

    Parameters
    ----------
    workbench
        What is described.
    """

    def __init__(self, workbench: Workbench) -> None:
        super().__init__()
        self.workbench = workbench
        self.engine = Engine.of(workbench)
        self.engine.start_with(self)
        self.banner = MessageBanner(slim=True)
        self.workspace, self.cohort, self.model = Fact("Workspace"), Fact("Cohort"), Fact("Model")
        self.device = Fact("Device", 230)
        self.user = QPushButton()
        self.user.setToolTip("The name under which decisions are recorded; click to change it")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(18)
        for fact in (self.workspace, self.cohort, self.model, self.device, self.user):
            line.addWidget(fact)
        line.insertStretch(3, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 2, 10, 2)
        column.setSpacing(4)
        column.addLayout(line)
        column.addWidget(self.banner)
        events = workbench.events
        signals = (events.workspace, events.cohorts, events.bundles, events.user, self.engine.found)
        self._ears = [Ear(signal, self.refresh) for signal in signals]
        self._ears.append(Ear(events.told, self.banner_say))
        self.refresh()

    def refresh(self) -> None:
        """Read the workbench again."""
        bench = self.workbench
        self.workspace.show_value(bench.workspace.path.name, str(bench.workspace.path))
        self.cohort.show_value(bench.cohort.name if bench.cohort else "none yet")
        self.model.show_value(bench.bundle.name if bench.bundle else "none yet")
        self.user.setText(f"Signed in: {bench.user}" if bench.user else SIGN_IN)
        self._show_device()

    def _show_device(self) -> None:
        facts = self.engine.facts
        if facts is None:
            self.device.show_value("looking…")
            return
        self.device.show_value(facts.best, facts.note or facts.best)
        self.device.icon.setVisible(bool(facts.note))
        if facts.note:
            self.device.icon.setPixmap(signal_pixmap(LEVELS["info"], 16))
            self.device.icon.setToolTip(facts.note)

    def banner_say(self, level: str, sentence: str) -> None:
        """Show one sentence below the line."""
        self.banner.say(level, sentence)

    def close_down(self) -> None:
        """Stop listening."""
        while self._ears:
            self._ears.pop().stop()
