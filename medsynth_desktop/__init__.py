"""MedSynth Desktop: share medical images without sharing patients.

The engine is Qt-free; only ``medsynth_desktop.qt`` and the napari plugins know that Qt exists.
"""

__version__ = "0.1.0"
