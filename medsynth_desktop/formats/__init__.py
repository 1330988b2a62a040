"""Volumes in and out of files: one file of this folder per format, found by being there (`FORMATS`).

Reading goes through `formats.read`, writing through `formats.write` and `formats.dicom_write`. Geometry is
read rightly or refused with its reason; nothing is bent silently and nothing is dropped silently.
"""

from __future__ import annotations

from medsynth_desktop.core.registry import Registry
from medsynth_desktop.formats.base import Format

FORMATS: Registry[Format] = Registry("medsynth_desktop.formats", "FORMAT")
"""Every format, in file order; loaded on first use."""
