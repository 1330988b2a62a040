"""What the engine can compute with, found out by a job: importing torch takes seconds, and the window must answer.

The job starts once the window has been drawn: an import and a window that is built share one interpreter, and
each makes the other wait.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary, ref

from psygnal import Signal
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.jobs.runner import FINAL, Job, Runner
from medsynth_desktop.workbench.state import Workbench

IDLE_MS = 300
"""How long after its first paint the window has to itself."""
POLL_MS = 50
LIBRARIES = ("libtorch_global_deps.so", "libtorch.so")


@dataclass(frozen=True, slots=True)
class SamplerChoice:
    """A sampling algorithm as a form offers it."""

    key: str
    label: str
    default_steps: int


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """A device as a form offers it: name for the engine and words for a person."""

    device: str
    words: str


@dataclass(frozen=True, slots=True)
class PresetChoice:
    """Settings of a training as a form offers them: their name, what for, and how many steps both stages take."""

    key: str
    about: str
    steps: tuple[int, int]


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """Samplers, devices (best first), what to say about the best one ("" or a sentence), and presets of training."""

    samplers: tuple[SamplerChoice, ...]
    devices: tuple[DeviceChoice, ...]
    note: str
    presets: tuple[PresetChoice, ...]

    @property
    def best(self) -> str:
        """Words for the device that works when none is chosen."""
        return self.devices[0].words if self.devices else "no device"


def find_facts() -> Steps[EngineFacts]:
    """Import the engine and ask it."""
    yield Progress(0, 0, "Looking for graphics processors")
    load_libraries()
    from medsynth_desktop.samplers import SAMPLERS
    from medsynth_desktop.samplers.devices import describe_devices
    from medsynth_desktop.samplers.sampling import pick_device
    from medsynth_desktop.training.presets import PRESETS

    samplers = tuple(SamplerChoice(s.key, s.label, s.default_steps) for s in SAMPLERS)
    devices = tuple(
        DeviceChoice(str(d["device"]), f"{d['name']} ({_gigabytes(d['memory'])})") for d in describe_devices()
    )
    presets = tuple(
        PresetChoice(p.key, p.about, (p.autoencoder.steps, p.diffusion.steps)) for p in PRESETS.values()
    )
    return EngineFacts(samplers, devices, pick_device(None)[1], presets)


def load_libraries() -> None:
    """Load torch's libraries before Python imports it.

    Python holds its lock while it loads a library, half a second for torch's, and the window stands still; a foreign
    function holds none. What cannot be loaded here is left to the import, which says why.
    """
    found = importlib.util.find_spec("torch") if "torch" not in sys.modules else None
    if found is None or found.origin is None or not sys.platform.startswith("linux"):
        return
    load = ctypes.CDLL(None).dlopen
    load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    how = (os.RTLD_GLOBAL, os.RTLD_LOCAL)  # as torch itself loads them
    for name, scope in zip(LIBRARIES, how, strict=True):
        load(os.fsencode(Path(found.origin).parent / "lib" / name), scope | os.RTLD_LAZY)


class Engine:
    """Facts of the engine, shared by the panels of one workbench; ``found`` is emitted once they are known.

    It has a runner of its own: while it starts, nothing runs in the workspace, and another one can be opened.
    """

    found = Signal()

    def __init__(self, workbench: Workbench) -> None:
        self.facts: EngineFacts | None = None
        self._workbench = ref(workbench)
        self._runner = Runner()
        self._job: Job | None = None
        self._timer = QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    @classmethod
    def of(cls, workbench: Workbench) -> Engine:
        """Return the engine of ``workbench``; nothing is looked for before it is started."""
        engine = _engines.get(workbench)
        if engine is None:
            engine = _engines[workbench] = cls(workbench)
        return engine

    def start_with(self, widget: QWidget) -> None:
        """Start once ``widget`` has been drawn for the first time and the window has had time to answer."""
        FirstPaint(widget, self)

    def start(self) -> None:
        """Start looking; a second call changes nothing."""
        if self._job is None:
            self._job = self._runner.submit("Starting the engine", find_facts(), "start")
            self._timer.start()

    def _poll(self) -> None:
        job, workbench = self._job, self._workbench()
        if job is None or job.state not in FINAL:
            return
        self._timer.stop()
        self._runner.close(0)
        if job.state == "done":
            self.facts = job.result
            self.found.emit()
        elif workbench is not None:
            workbench.tell("error", f"{job.title}: {job.error}")


class FirstPaint(QObject):  # type: ignore[misc]
    """Starts an engine `IDLE_MS` after the first paint of ``widget``, its parent."""

    def __init__(self, widget: QWidget, engine: Engine) -> None:
        super().__init__(widget)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(IDLE_MS)
        self._timer.timeout.connect(engine.start)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the paint."""
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            self._timer.start()
        return False


_engines: WeakKeyDictionary[Workbench, Engine] = WeakKeyDictionary()


def _gigabytes(count: int | None) -> str:
    return f"{count / 1e9:.0f} GB" if count else "memory unknown"
