"""What the engine can compute with, found out by a job: importing torch takes seconds, and the window must answer."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from psygnal import Signal

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.workbench.state import Workbench


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
class EngineFacts:
    """Samplers, devices (best first), and what to say about the best one ("" or a sentence)."""

    samplers: tuple[SamplerChoice, ...]
    devices: tuple[DeviceChoice, ...]
    note: str

    @property
    def best(self) -> str:
        """Words for the device that works when none is chosen."""
        return self.devices[0].words if self.devices else "no device"


def find_facts() -> Steps[EngineFacts]:
    """Import the engine and ask it."""
    yield Progress(0, 0, "Looking for graphics processors")
    from medsynth_desktop.samplers import SAMPLERS
    from medsynth_desktop.samplers.devices import describe_devices
    from medsynth_desktop.samplers.sampling import pick_device

    samplers = tuple(SamplerChoice(s.key, s.label, s.default_steps) for s in SAMPLERS)
    devices = tuple(
        DeviceChoice(str(d["device"]), f"{d['name']} ({_gigabytes(d['memory'])})") for d in describe_devices()
    )
    return EngineFacts(samplers, devices, pick_device(None)[1])


class Engine:
    """Facts of the engine, shared by the panels of one workbench; ``found`` is emitted once they are known."""

    found = Signal()

    def __init__(self, workbench: Workbench) -> None:
        self.facts: EngineFacts | None = None
        workbench.start("Starting the engine", find_facts(), "start", self._arrived)

    @classmethod
    def of(cls, workbench: Workbench) -> Engine:
        """Return the engine of ``workbench``; the first call starts looking."""
        engine = _engines.get(workbench)
        if engine is None:
            engine = _engines[workbench] = cls(workbench)
        return engine

    def _arrived(self, facts: EngineFacts) -> None:
        self.facts = facts
        self.found.emit()


_engines: WeakKeyDictionary[Workbench, Engine] = WeakKeyDictionary()


def _gigabytes(count: int | None) -> str:
    return f"{count / 1e9:.0f} GB" if count else "memory unknown"
