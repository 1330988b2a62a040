"""DICOM images: CT, MR, PET and X-ray, single slices, series and multi-frame stacks.

Reading: headers in `dicom_header`, what is an image at all in `dicom_images`, grouping in `dicom_series`,
geometry in `dicom_geometry`, multi-frame objects in `dicom_enhanced`, pixels in `dicom_pixels`, units in
`dicom_units`. Synthetic series out: `dicom_write`, with `dicom_marks` and `dicom_iods`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from medsynth_desktop.core.progress import Progress
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.base import Finding, Format

PREAMBLE = 128
FIRST_GROUPS = (b"\x08\0", b"\x02\0")
"""Groups that old files without the preamble begin with."""


def sniff(head: bytes) -> bool:
    """Whether ``head`` begins a DICOM file."""
    if head[PREAMBLE : PREAMBLE + 4] == b"DICM":
        return True
    if len(head) <= PREAMBLE:
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    if head.startswith(b"\0\x08\0"):  # big endian
        return explicit
    short = head[5:8] == b"\0\0\0"
    return head.startswith(FIRST_GROUPS) and head[3] == 0 and (explicit or short)


def read(path: Path) -> Volume:
    """Read the one volume of a single file: a slice, a film, or a multi-frame stack.

    Raises
    ------
    InputRefused
        No image, several stacks in one object, or pixels that cannot be decoded.
    """
    from medsynth_desktop.formats.dicom_series import read_file

    return read_file(path)


def group(paths: Sequence[Path]) -> Iterator[Finding | Progress]:
    """Sort files into volumes by their headers."""
    from medsynth_desktop.formats.dicom_series import group_files

    return group_files(paths)


FORMAT = Format("dicom", "DICOM", (".dcm", ".dicom", ".ima"), sniff, read, group=group)
