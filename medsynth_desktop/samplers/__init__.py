"""One file per sampling algorithm; `SAMPLERS` finds them by being there."""

from medsynth_desktop.core.registry import Registry
from medsynth_desktop.samplers.base import Sampler

SAMPLERS: Registry[Sampler] = Registry("medsynth_desktop.samplers", "SAMPLER")
