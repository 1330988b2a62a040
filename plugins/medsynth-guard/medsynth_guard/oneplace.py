"""Sample and real image in one place: in turn, or one fading into the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from medsynth_guard.flicker import Flicker


class OnePlace:
    """Whether both pictures share a cell, and what of each is seen there.

    Parameters
    ----------
    layers
        Gives the pictures, sample first, as far as they are there.
    outlines
        Gives the outlines over them.
    regrid
        Lays the cells out anew after both moved together or apart.
    """

    def __init__(
        self,
        layers: Callable[[], list[Any]],
        outlines: Callable[[], list[Any]],
        regrid: Callable[[], None],
    ) -> None:
        self._layers, self._outlines, self._regrid = layers, outlines, regrid
        self._flicker = Flicker(self._show_second)
        self.share: float | None = None

    @property
    def running(self) -> bool:
        """Whether both share a cell."""
        return self._flicker.running or self.share is not None

    def flicker(self, on: bool) -> None:
        """Show both in turn, or side by side again."""
        if on == self._flicker.running and (on or not self.running):
            return
        self._apart()
        if on and len(self._layers()) > 1:
            self._flicker.start()
        self._regrid()

    def fade(self, share: float | None) -> None:
        """Show the sample and over it ``share`` (0 to 1) of the real image; None: side by side again."""
        if share is None or len(self._layers()) < 2:
            if self.share is not None:
                self.flicker(False)
            return
        together = self.share is not None
        if not together:
            self._apart()
        self.share = min(max(share, 0.0), 1.0)
        self._layers()[0].opacity = 1 - self.share  # the sample lies on top
        if not together:
            self._regrid()

    def set_rate(self, rate: float) -> None:
        """Change ``rate`` times a second."""
        self._flicker.set_rate(rate)

    def _apart(self) -> None:
        self._flicker.stop()
        self.share = None
        for layer in (*self._layers(), *self._outlines()):
            layer.visible = True
        for layer in self._layers()[:1]:
            layer.opacity = 1.0

    def _show_second(self, second: bool) -> None:
        if len(self._layers()) > 1:
            for layer, shown in zip(self._layers(), (not second, second), strict=False):
                layer.visible = shown
