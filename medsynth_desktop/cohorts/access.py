"""Conformed images of a cohort, and any other images brought to its grid."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from medsynth_desktop.cohorts.conform import conform
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.npy import map_npy
from medsynth_desktop.core.records import CohortRecord, ImageRecord, Recipe, Split
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.base import refusing
from medsynth_desktop.formats.read import Found, find_volumes
from medsynth_desktop.store.failures import told_plainly
from medsynth_desktop.store.workspace import Workspace


def load_arrays(
    workspace: Workspace, cohort: CohortRecord, split: Split
) -> tuple[np.ndarray, tuple[ImageRecord, ...]]:
    """Read one split into memory.

    Returns
    -------
    tuple
        (n, grid...) float32 in [-1, 1], and the n records in the same order.
    """
    records = cohort.split(split)
    arrays = np.empty((len(records), *cohort.recipe.grid), np.float32)
    for row, record in enumerate(records):
        arrays[row] = workspace.arrays.get(record.array_hash)
    return arrays, records


class MappedArrays(Sequence[np.ndarray]):
    """Arrays of some images, each mapped from the disk when it is asked for: no split is too large."""

    def __init__(self, workspace: Workspace, records: Sequence[ImageRecord]) -> None:
        self._workspace = workspace
        self._records = tuple(records)

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> MappedArrays: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | MappedArrays:
        if isinstance(index, slice):
            return MappedArrays(self._workspace, self._records[index])
        return self._workspace.arrays.get(self._records[index].array_hash)


def map_arrays(
    workspace: Workspace, cohort: CohortRecord, split: Split
) -> tuple[MappedArrays, tuple[ImageRecord, ...]]:
    """As `load_arrays`, unread: a sequence of n read-only float32 arrays (grid...), and the records."""
    records = cohort.split(split)
    return MappedArrays(workspace, records), records


def stream(
    workspace: Workspace, cohort: CohortRecord, split: Split
) -> Iterator[tuple[ImageRecord, np.ndarray]]:
    """Yield record and mapped array of each image of a split."""
    for record in cohort.split(split):
        yield record, workspace.arrays.get(record.array_hash)


def write_arrays(workspace: Workspace, cohort: CohortRecord, folder: Path) -> None:
    """Write all images to ``folder``: ``arrays.npy``, (n, grid...) float32, and ``rows.csv``, naming rows.

    Raises
    ------
    StoreFailed
        When the folder cannot be written or its disk is full; a former file stays whole.
    """
    folder = Path(folder)
    with told_plainly():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".arrays-{os.getpid()}.npy"
        try:
            _write_rows(workspace, cohort, unfinished)
            os.replace(unfinished, folder / "arrays.npy")
        finally:
            unfinished.unlink(missing_ok=True)
        table = folder / f".rows-{os.getpid()}.csv"
        with table.open("w", newline="", encoding="utf-8") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(["row", "image", "patient", "split"])
            writer.writerows([row, i.id, i.patient, i.split] for row, i in enumerate(cohort.images))
        os.replace(table, folder / "rows.csv")


def _write_rows(workspace: Workspace, cohort: CohortRecord, path: Path) -> None:
    """Row by row through a stream: a full disk is an error here, where a memory map would be killed by it."""
    shape = (len(cohort.images), *cohort.recipe.grid)
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with path.open("xb") as raw:
        np.lib.format.write_array_header_1_0(raw, header)
        for image in cohort.images:
            array = workspace.arrays.get(image.array_hash)
            raw.write(np.ascontiguousarray(array, "<f4").data.cast("B"))
        raw.flush()
        os.fsync(raw.fileno())


def conform_query(
    query: Path | Volume, recipe: Recipe, *, skipped: list[tuple[str, str]] | None = None
) -> Iterator[tuple[str, np.ndarray]]:
    """Bring a volume, a file, or all images of a folder to the grid of ``recipe``.

    A float .npy of shape ``recipe.grid``, or (n, grid...), is taken as conformed already.

    Parameters
    ----------
    query
        A volume, or a path.
    recipe
        Of the cohort.
    skipped
        Receives path and reason of images in a folder that do not fit; without it the first one raises.

    Yields
    ------
    tuple
        Label (the path; ``#0``, ``#1`` ... after it for the images of one file) and an array of shape
        ``recipe.grid``, in [-1, 1] unless it was given as conformed.

    Raises
    ------
    InputRefused
        Not readable, without contrast, not finite, or of another dimension or unit than the cohort.
    """
    if isinstance(query, Volume):
        yield "volume", conform(query, recipe)
        return
    query = Path(query)
    if not query.exists():
        raise InputRefused(f"There is no file or folder {query.name} where the path leads; check the path.")
    findings = list(find_volumes([query]))
    found = [f for f in findings if isinstance(f, Found)]
    if not found:
        reason = next((f.reason for f in findings if not isinstance(f, Found)), "it is empty")
        raise InputRefused(f"{query.name} gives no image to compare: {reason.rstrip('.')}.")
    if skipped is not None:
        skipped.extend((str(f.path), f.reason) for f in findings if not isinstance(f, Found))
    for image, label in zip(found, _labels(found), strict=True):
        try:
            yield from _conformed(image, label, recipe)
        except InputRefused as refusal:
            if skipped is None:
                raise
            skipped.append((label, str(refusal)))


def _labels(found: Sequence[Found]) -> list[str]:
    """Path of each image (a DICOM series: its folder or first file), numbered where images share it."""
    labels = [str(f.paths[0].parent if len(f.paths) > 1 else f.paths[0]) for f in found]
    return [
        label if labels.count(label) == 1 else f"{label}#{labels[:row].count(label)}"
        for row, label in enumerate(labels)
    ]


def _conformed(image: Found, label: str, recipe: Recipe) -> Iterator[tuple[str, np.ndarray]]:
    path = image.paths[0]
    with refusing(path.name):
        rows = _already_conformed(path, recipe) if image.format == "numpy" else None
    if rows is None:
        with refusing(path.name):
            array = conform(image.load(), recipe)
        yield label, array
        return
    stack = rows.ndim > len(recipe.grid)
    for row, array in enumerate(rows if stack else [rows]):
        name = f"{label}#{row}" if stack else label
        if not np.isfinite(array).all():
            raise InputRefused(
                f"{Path(name).name} has values that are not numbers (NaN or infinite); repair it first."
            )
        yield name, array


def _already_conformed(path: Path, recipe: Recipe) -> np.ndarray | None:
    """Map a float .npy whose shape is the grid, or a stack of it; None for one that is to be conformed.

    Raises
    ------
    InputRefused
        For one of another shape or of whole numbers where the cohort has millimetres: an array carries none.
    """
    array = map_npy(path)
    if array.dtype.kind == "f" and recipe.grid in (array.shape, array.shape[1:]):
        return array
    if recipe.spacing:
        grid = " x ".join(str(n) for n in recipe.grid)
        got = " x ".join(str(n) for n in array.shape) or "a single number"
        raise InputRefused(
            f"{path.name} holds {got} numbers ({array.dtype}); expected were floats on the cohort's grid, {grid}, or a "
            "stack of such. Bring it to that grid, or give the image in a format that tells its voxel size (NIfTI, "
            "DICOM)."
        )
    return None
