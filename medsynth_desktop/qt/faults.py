"""What happens when something unexpected is raised: it is logged without values, and said in one sentence.

Local variables and messages of foreign errors may hold a patient's name: neither is logged nor shown.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from medsynth_desktop.core.errors import MedSynthError

log = logging.getLogger("medsynth_desktop.window")
Say = Callable[[str, str], None]


def log_to(folder: Path) -> None:
    """Keep the last megabytes of the log in ``folder``, and show warnings on the console."""
    console = logging.StreamHandler()
    console.setLevel(logging.WARNING)
    logging.getLogger("medsynth_desktop").addHandler(console)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            folder / "medsynth.log", maxBytes=1_000_000, backupCount=3, encoding="utf-8", delay=True
        )
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.getLogger("medsynth_desktop").addHandler(handler)


def where(trace: TracebackType | None) -> str:
    """Return the places a traceback passed, without a line of source and without values."""
    frames = traceback.extract_tb(trace)
    return " > ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames)


def say_fault(error: BaseException, say: Say) -> None:
    """Log ``error`` without values and tell the user one sentence."""
    if isinstance(error, MedSynthError):
        say("error", str(error))
        return
    cause: BaseException | None = error
    while cause is not None:
        log.error("%s at %s", type(cause).__name__, where(cause.__traceback__))
        cause = cause.__cause__
    say(
        "error",
        f"Something unexpected happened ({type(error).__name__}); what is stored is safe, and the log says where.",
    )


class FaultHook:
    """Takes the place of `sys.excepthook` between `install` and `remove`."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._before = sys.excepthook

    def install(self) -> None:
        """Take over."""
        self._before, sys.excepthook = sys.excepthook, self._hook

    def remove(self) -> None:
        """Give back what was there before."""
        if sys.excepthook == self._hook:
            sys.excepthook = self._before

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._before(kind, error, trace)
            return
        say_fault(error.with_traceback(trace), self._say)
