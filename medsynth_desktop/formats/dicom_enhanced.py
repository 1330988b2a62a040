"""Multi-frame objects: the planes of their frames from the functional groups (PS3.3 C.7.6.16)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.formats.dicom_header import TOLD_APART_BY, Slice, numbers, positive, slice_of

GROUPS_THAT_TELL_APART = (
    "FrameContentSequence",
    "MREchoSequence",
    "MRDiffusionSequence",
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "CardiacSynchronizationSequence",
)


def is_multiframe(header: Dataset) -> bool:
    """Whether the object has functional groups or more than one frame."""
    return "PerFrameFunctionalGroupsSequence" in header or int(header.get("NumberOfFrames") or 1) > 1


def read_frames(path: Path, header: Dataset) -> list[Slice]:
    """Planes of all frames, in file order.

    Raises
    ------
    InputRefused
        Frames without a place (a film over time), or a number of frames that the groups contradict.
    """
    count = int(header.get("NumberOfFrames") or 1)
    if "PerFrameFunctionalGroupsSequence" not in header:
        raise InputRefused(
            f"{path.name} holds {count} frames without a place in the patient (a film over time); single "
            "images and stacks are read."
        )
    shared = _first(header, "SharedFunctionalGroupsSequence")
    frames = list(header.PerFrameFunctionalGroupsSequence)
    if len(frames) != count:
        raise InputRefused(
            f"{path.name} claims {count} frames but describes {len(frames)}; its header is damaged."
        )
    whole = slice_of(path, header)
    planes = [_plane(whole, index, frame, shared) for index, frame in enumerate(frames)]
    if any(p.orientation is None for p in planes):
        raise InputRefused(
            f"{path.name} has frames without position or orientation; a stack with both is read."
        )
    if len({p.spacing for p in planes}) > 1:
        raise InputRefused(
            f"{path.name} has frames of different pixel spacing; an object with one stack is read."
        )
    return planes


def _plane(whole: Slice, index: int, frame: Dataset, shared: Dataset) -> Slice:
    """One frame: its own functional group wins over the shared one."""
    orientation = numbers(group(frame, shared, "PlaneOrientationSequence").get("ImageOrientationPatient"))
    position = numbers(group(frame, shared, "PlanePositionSequence").get("ImagePositionPatient"))
    measures = group(frame, shared, "PixelMeasuresSequence")
    spacing = numbers(measures.get("PixelSpacing"))
    placed = orientation is not None and position is not None and len(orientation) == 6 and len(position) == 3
    return replace(
        whole,
        frame=index,
        orientation=orientation if placed else None,
        position=position if placed else None,
        spacing=(spacing[0], spacing[1]) if spacing and len(spacing) == 2 and min(spacing) > 0 else None,
        thickness=positive(measures.get("SliceThickness")),
        facts=_facts(frame, shared),
    )


def _facts(frame: Dataset, shared: Dataset) -> dict[str, str]:
    facts: dict[str, str] = {}
    for name in GROUPS_THAT_TELL_APART:
        item = group(frame, shared, name)
        facts.update({k: str(item.get(k)) for k in TOLD_APART_BY if item.get(k) not in (None, "")})
    return facts


def group(frame: Dataset, shared: Dataset, name: str) -> Dataset:
    """Item of a functional group, of the frame, else of all frames; empty if neither has it."""
    return _first(frame, name) or _first(shared, name)


def _first(dataset: Dataset, name: str) -> Dataset:
    sequence: Any = dataset.get(name)
    return sequence[0] if sequence else Dataset()
