"""From a heap of DICOM files to volumes: by series and orientation, ordered by position, copies told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.base import Finding, Found, Skipped, refusing
from medsynth_desktop.formats.dicom_enhanced import is_multiframe, read_frames
from medsynth_desktop.formats.dicom_geometry import by_orientation, check_stack, normal_of, places
from medsynth_desktop.formats.dicom_header import TOLD_APART_BY, Slice, open_header, slice_of
from medsynth_desktop.formats.dicom_pixels import load_stack

KEY = "dicom"


@dataclass(frozen=True, slots=True)
class Stack:
    """Slices of one volume in order along their normal, and what tells it from others at its place."""

    slices: tuple[Slice, ...]
    part: str = ""

    @property
    def label(self) -> str:
        """Modality, size and spacing; no identity."""
        first = self.slices[0]
        rows, columns = first.shape
        spacing = f", {first.spacing[1]:.3g} x {first.spacing[0]:.3g} mm" if first.spacing else ""
        count = f"{len(self.slices)} slices" if len(self.slices) > 1 else "1 image"
        part = f", {self.part}" if self.part else ""
        return f"{first.modality} {count} {columns} x {rows}{spacing}{part}"


def group_files(paths: Sequence[Path]) -> Iterator[Finding | Progress]:
    """Sort DICOM files into volumes, reading headers only; every file is in exactly one finding.

    A study has thousands of files: progress comes before each, so that the search can be cancelled.
    """
    series: dict[tuple[str, ...], list[Slice]] = {}
    whole: dict[tuple[object, ...], Slice] = {}
    for number, path in enumerate(paths):
        yield Progress(number, len(paths), f"Reading headers: {number} of {len(paths)} DICOM files")
        try:
            with refusing(path.name):
                slices = slices_of(path)
                alone = one_stack(slices) if len(slices) > 1 or slices[0].orientation is None else None
        except InputRefused as refusal:
            yield Skipped(path, str(refusal))
            continue
        if alone is None:
            series.setdefault(slices[0].series, []).append(slices[0])
            continue
        first = whole.setdefault((*slices[0].series, slices[0].sop or path), slices[0])
        yield _found(alone) if first is slices[0] else _copy_of(first, path)
    for members in series.values():
        yield from _group_series(members)


def slices_of(path: Path) -> list[Slice]:
    """Image planes of one file: one, or the frames of a multi-frame object."""
    header = open_header(path)
    if "MOSAIC" in [str(t).upper() for t in header.get("ImageType") or ()]:
        raise InputRefused(
            f"{path.name} is a Siemens mosaic (many slices tiled into one picture); "
            "convert it with dcm2niix first."
        )
    if is_multiframe(header):
        return read_frames(path, header)
    item = slice_of(path, header)
    if item.modality == "CT" and "LOCALIZER" in item.facts.get("ImageType", ""):
        raise InputRefused(f"{path.name} is a CT localizer (a scout view for planning), not a slice.")
    return [item]


def one_stack(slices: list[Slice]) -> Stack:
    """Order the planes of one file, which must make exactly one stack.

    Raises
    ------
    InputRefused
        Several stacks or orientations in one object, or uneven ones.
    """
    name = slices[0].path.name
    if slices[0].orientation is None:
        return Stack((slices[0],))
    directions = by_orientation(slices)
    if len(directions) > 1:
        raise InputRefused(
            f"{name} holds stacks in {len(directions)} orientations; an object with exactly one stack is "
            "read. Export each stack as its own series."
        )
    at = places(slices)
    most = max(len(p) for p in at)
    if most > 1:
        raise InputRefused(
            f"{name} holds several stacks: {len(slices)} frames at {len(at)} places, up to {most} at one "
            "place; an object with exactly one stack is read. Export each stack as its own series."
        )
    ordered = tuple(p[0] for p in at)
    check_stack(ordered)
    return Stack(ordered)


def _group_series(members: list[Slice]) -> Iterator[Finding]:
    """One series to volumes: copies out, then by orientation, then what repeats at one place."""
    unique: dict[tuple[object, ...], Slice] = {}
    for item in members:
        identity = (item.sop or str(item.path), item.position, item.orientation)
        original = unique.setdefault(identity, item)
        if original is not item:
            yield _copy_of(original, item.path)
    for stack in by_orientation(list(unique.values())):
        yield from _group_stack(stack)


def _group_stack(slices: list[Slice]) -> Iterator[Finding]:
    """Slices of one orientation to one or several volumes, or to their reason."""
    try:
        with refusing(slices[0].path.name):
            normal_of(slices[0].orientation or ())
            stacks = split_repeats(slices)
    except InputRefused as refusal:
        yield from (Skipped(s.path, str(refusal)) for s in slices)
        return
    for stack in stacks:
        try:
            with refusing(stack.slices[0].path.name):
                check_stack(stack.slices)
        except InputRefused as refusal:
            yield from (Skipped(s.path, str(refusal)) for s in stack.slices)
        else:
            yield _found(stack)


def split_repeats(slices: list[Slice]) -> list[Stack]:
    """Tell apart the stacks of a series that visits each place several times (echoes, b-values, time points).

    An attribute, or several together, counts when it makes exactly as many parts as images share a place.

    Raises
    ------
    InputRefused
        When nothing in the headers tells the images at one place apart.
    """
    at = places(slices)
    most = max(len(p) for p in at)
    if most == 1:
        return [Stack(tuple(p[0] for p in at))]
    if len(at) == 1:
        ordered = sorted(slices, key=lambda s: (s.number, s.path.name))
        return [Stack((s,), f"image {i} of {len(ordered)} at one place") for i, s in enumerate(ordered, 1)]
    present = [k for k in TOLD_APART_BY if len({s.facts.get(k) for s in slices}) > 1]
    for keys in [*((k,) for k in present), *(tuple(present[: n + 2]) for n in range(len(present)))]:
        parts: dict[tuple[str | None, ...], list[Slice]] = {}
        for item in slices:
            parts.setdefault(tuple(item.facts.get(k) for k in keys), []).append(item)
        ordered_parts = [places(p) for p in parts.values()]
        if len(parts) == most and all(len(p) == 1 for part in ordered_parts for p in part):
            return [
                Stack(tuple(p[0] for p in part), f"part {i} of {most} by {keys[0]}")
                for i, part in enumerate(ordered_parts, 1)
            ]
    raise InputRefused(
        f"Several stacks in one series: {len(slices)} images at {len(at)} places, up to {most} at one place, "
        "and nothing in the headers tells them apart; export each stack as its own series."
    )


def _copy_of(original: Slice, path: Path) -> Skipped:
    return Skipped(path, f"The same image as {original.path.name} (equal SOP Instance UID and position).")


def _found(stack: Stack) -> Found:
    paths = tuple(dict.fromkeys(s.path for s in stack.slices))
    return Found(partial(load_stack, stack.slices), paths, stack.label, KEY, stack.slices[0].patient)


def read_file(path: Path) -> Volume:
    """Read the one volume of a single file.

    Raises
    ------
    InputRefused
        No image, several stacks, or pixels that cannot be decoded.
    """
    return load_stack(one_stack(slices_of(path)).slices)
