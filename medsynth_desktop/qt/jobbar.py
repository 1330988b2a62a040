"""What a running job does, how far it is, how long it will take, and Cancel."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from medsynth_desktop.jobs.runner import FINAL, Job


def time_left(seconds: float | None) -> str:
    """Seconds in a person's words: ``about 40 s left``, ``about 3 min left``; empty when unknown."""
    if seconds is None:
        return ""
    if seconds < 5:
        return "a few seconds left"
    if seconds < 90:
        return f"about {5 * round(seconds / 5)} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


class JobBar(QWidget):  # type: ignore[misc]
    """Shows one job at a time and hides when there is none.

    Parameters
    ----------
    titles
        Beginnings of the titles of jobs that this bar shows (``("Sampling",)``); empty: any job.
    parent
        Qt parent.
    """

    def __init__(self, titles: tuple[str, ...] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.titles = titles
        self.job: Job | None = None
        self.title_label, self.detail_label = QLabel(), QLabel()
        self.detail_label.setWordWrap(True)
        self.title_label.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.bar.setAccessibleName("Progress")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop at the next step; what is finished is kept")
        self.cancel_button.clicked.connect(self._cancel)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(2)
        column.addWidget(self.title_label)
        column.addLayout(row)
        column.addWidget(self.detail_label)
        self.hide()

    def follow(self, jobs: tuple[Job, ...]) -> None:
        """Show the first of ``jobs`` that still runs or waits and whose title suits this bar."""
        open_jobs = [
            j for j in jobs if j.state not in FINAL and (not self.titles or j.title.startswith(self.titles))
        ]
        running = [j for j in open_jobs if j.state == "running"]
        self.job = (running or open_jobs or [None])[0]  # type: ignore[list-item]
        self.setVisible(self.job is not None)
        self.refresh(len(open_jobs) - 1)

    def refresh(self, waiting: int = 0) -> None:
        """Write the job's newest progress."""
        job = self.job
        if job is None:
            return
        more = f"  (+{waiting} waiting)" if waiting > 0 else ""
        self.title_label.setText(f"{job.title}…{more}")
        fraction = job.progress.fraction
        self.bar.setRange(0, 0 if fraction is None and job.state == "running" else 1000)
        self.bar.setValue(round(1000 * (fraction or 0)))
        self.cancel_button.setEnabled(not job.cancelling)
        state = "Stopping at the next step" if job.cancelling else job.progress.message
        if job.state == "queued":
            state = "Waiting for the job before it"
        parts = [p for p in (state, time_left(job.eta_seconds)) if p]
        self.detail_label.setText(" · ".join(parts))
        self.detail_label.setTextFormat(Qt.TextFormat.PlainText)

    def _cancel(self) -> None:
        if self.job is not None:
            self.job.cancel()
            self.refresh()
