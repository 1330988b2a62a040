"""Images as vectors of features, and the dictionary of every training image's.

`SOURCES` finds the files that know where an extractor comes from; importing this package imports no torch.
"""

from __future__ import annotations

from medsynth_desktop.core.registry import Registry
from medsynth_desktop.similarity.features.base import Source

SOURCES: Registry[Source] = Registry("medsynth_desktop.similarity.features", "SOURCE")
"""Every kind of extractor that a cohort's feature dictionary can use: ``SOURCES["vgg16"]``."""
