"""Two pictures in one place, in turn: what differs moves, what is alike stands still."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

SLOWEST, FASTEST, USUAL = 0.5, 6.0, 2.0
"""Changes in a second; six are three flashes, which WCAG 2.3.1 allows."""


class Flicker(QObject):  # type: ignore[misc]
    """Calls ``turn`` with True and False in turn while it runs.

    Parameters
    ----------
    turn
        Shows the second picture (True) or the first (False).
    """

    def __init__(self, turn: Callable[[bool], None]) -> None:
        super().__init__()
        self._turn = turn
        self._second = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._next)
        self.rate = USUAL

    @property
    def running(self) -> bool:
        """Whether pictures change."""
        return bool(self._timer.isActive())

    def start(self) -> None:
        """Begin with the first picture."""
        self._second = False
        self._turn(False)
        self.set_rate(self.rate)
        self._timer.start()

    def set_rate(self, rate: float) -> None:
        """Change ``rate`` times a second, within what eyes bear."""
        self.rate = min(max(rate, SLOWEST), FASTEST)
        self._timer.setInterval(round(1000 / self.rate))

    def stop(self) -> None:
        """Stand still."""
        self._timer.stop()

    def _next(self) -> None:
        self._second = not self._second
        self._turn(self._second)
