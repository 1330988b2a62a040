"""What every panel derives from: the workbench, a banner, a scrolling body, a job bar, and a clean end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from medsynth_desktop.core.errors import MedSynthError
from medsynth_desktop.qt.banner import MessageBanner
from medsynth_desktop.qt.bridge import current_workbench
from medsynth_desktop.qt.jobbar import JobBar
from medsynth_desktop.qt.link import ViewerLink
from medsynth_desktop.qt.listening import Ear

NARROWEST, WIDEST = 300, 760
"""Pixels; docks must leave room for the picture on a screen of 1366x768."""


class Panel(QWidget):  # type: ignore[misc]
    """Base of the panels. A subclass fills ``self.body`` and listens with `listen`.

    Parameters
    ----------
    napari_viewer
        The viewer (napari passes it by this name).
    titles
        Which jobs the bar at the bottom shows, by the beginning of their titles; empty: no job bar.

    Attributes
    ----------
    viewer, workbench, link
        The napari viewer, the shared workbench, and what joins them.
    body
        Vertical layout inside a scroll area, to be filled.
    banner, jobbar
        One-sentence messages on top, running jobs at the bottom.
    """

    def __init__(self, napari_viewer: Any, titles: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.workbench = current_workbench()
        self.link = ViewerLink.of(napari_viewer)
        self.banner = MessageBanner()
        self.jobbar = JobBar(titles)
        self._ears: list[Ear] = []
        self._build(bool(titles))
        self.listen(self.workbench.events.told, self._told)
        if titles:
            self.listen(self.workbench.events.jobs, self._jobs_changed)
            self.listen(self.workbench.events.progress, self._jobs_changed)
            self._jobs_changed()

    def _build(self, with_jobs: bool) -> None:
        inside = QWidget()
        self.body = QVBoxLayout(inside)
        self.body.setContentsMargins(8, 4, 8, 8)
        self.body.setSpacing(8)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        self.scroll = scroll
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(4)
        column.addWidget(self.banner)
        column.addWidget(scroll, 1)
        column.addWidget(self.jobbar)
        self.jobbar.setVisible(False)
        self.setMinimumWidth(NARROWEST)
        self.setMaximumWidth(WIDEST)

    def listen(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a workbench signal for as long as this panel lives."""
        self._ears.append(Ear(signal, slot))

    def stop_listening(self) -> None:
        """Disconnect everything; the panel is about to go."""
        while self._ears:
            self._ears.pop().stop()

    def attempt(self, verb: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a verb; what it refuses is said in the banner and None returned."""
        self.banner.clear()
        try:
            return verb(*args, **options)
        except MedSynthError as error:
            self.banner.say("error", str(error))
            return None

    def _told(self, level: str, sentence: str) -> None:
        if not self.link.has_host_banner:
            self.banner.say(level, sentence)

    def _jobs_changed(self) -> None:
        self.jobbar.follow(self.workbench.runner.jobs)
