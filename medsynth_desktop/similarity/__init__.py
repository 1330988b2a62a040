"""How alike two images are: one file per metric, and the exact search for the nearest real images.

`METRICS` finds the metric files by itself; importing this package imports neither torch nor NumPy code of
its own.
"""

from __future__ import annotations

from medsynth_desktop.core.registry import Registry
from medsynth_desktop.similarity.base import Metric

METRICS: Registry[Metric] = Registry("medsynth_desktop.similarity", "METRIC")
"""Every metric the guard can judge by: ``METRICS["correlation"]``."""
