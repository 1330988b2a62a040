"""Fewer triangles, for display. Exports always take the full surface."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.meshes.surface import Surface

MAX_DISPLAY_FACES = 500_000
"""napari's surface layers lag above about two million triangles; this leaves room for a second one."""
MIN_DISPLAY_FACES = 64
"""Fewer show nothing."""
OWN_PROCESS_FACES = 100_000
"""fast-simplification keeps Python's lock: above this it would freeze the window, so it runs apart."""
AGGRESSIVENESS = (5.0, 8.0, 10.0)
"""Quadric errors accepted: tried in turn until the count is reached."""


def display_steps(surface: Surface, max_faces: int = MAX_DISPLAY_FACES) -> Steps[Surface]:
    """Reduce ``surface`` to at most ``max_faces`` triangles, measured and checked anew.

    Quadric edge collapse (Garland and Heckbert 1997) by fast-simplification; where it stops short, vertices
    are merged on a grid, which always gets there. Decimation may open a closed surface: ``watertight`` of the
    result says so. A surface that is small enough is returned as it is.
    """
    limit = max(MIN_DISPLAY_FACES, min(max_faces, MAX_DISPLAY_FACES))
    if len(surface.faces) <= limit:
        return surface
    message = f"Reducing {len(surface.faces):,} triangles to {limit:,} for display"
    yield Progress(0, 0, message)
    vertices, faces = surface.vertices, surface.faces
    if len(faces) > OWN_PROCESS_FACES:
        vertices, faces = yield from _collapsed_apart(vertices, faces, limit, message)
    else:
        vertices, faces = collapsed(vertices, faces, limit)
    if len(faces) > limit:
        vertices, faces = clustered(vertices, faces, limit)
    return surface.with_triangles(vertices, faces)


def collapsed(vertices: np.ndarray, faces: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Collapse edges until at most ``limit`` triangles are left, or as near as the method comes."""
    import fast_simplification

    for aggressiveness in AGGRESSIVENESS:
        if len(faces) <= limit:
            break
        vertices, faces = fast_simplification.simplify(
            np.ascontiguousarray(vertices, np.float32),
            np.ascontiguousarray(faces, np.int32),
            target_count=limit,
            agg=aggressiveness,
        )
    return np.asarray(vertices, np.float32), np.asarray(faces, np.int32)


def clustered(vertices: np.ndarray, faces: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Merge the vertices of each grid cell, the grid coarsened until at most ``limit`` triangles are left."""
    low = vertices.min(axis=0).astype(np.float64)
    extent = float((vertices.max(axis=0) - low).max()) or 1.0
    cells = 1024.0
    while True:
        index = np.floor((vertices - low) * (cells / extent)).astype(np.int64)
        keys = (index[:, 0] * 2048 + index[:, 1]) * 2048 + index[:, 2]
        _, cell, counts = np.unique(keys, return_inverse=True, return_counts=True)
        a, b, c = cell[faces].T
        kept = cell[faces][(a != b) & (b != c) & (c != a)]
        if len(kept) <= limit:
            break
        cells /= 1.3
    sums = np.stack([np.bincount(cell, vertices[:, axis]) for axis in range(3)], axis=1)
    return (sums / counts[:, None]).astype(np.float32), kept.astype(np.int32)


def _collapsed_apart(
    vertices: np.ndarray, faces: np.ndarray, limit: int, message: str
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """Run `collapsed` in a process that dies with this generator; in this one where none can start."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    worker = multiprocessing.get_context("spawn").Process(target=_serve, args=(there, limit), daemon=True)
    try:
        worker.start()
        there.close()
        _send(here, vertices)
        _send(here, faces)
        while not here.poll(0.05):
            yield Progress(0, 0, message)
        return _receive(here, np.float32), _receive(here, np.int32)
    except (OSError, EOFError, RuntimeError):
        return collapsed(vertices, faces, limit)
    finally:
        here.close()
        if worker.pid is not None:
            worker.kill()
            worker.join()


def _serve(pipe: Connection, limit: int) -> None:
    """Take a mesh from ``pipe`` and give it back collapsed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the parent decides
    vertices, faces = collapsed(_receive(pipe, np.float32), _receive(pipe, np.int32), limit)
    with contextlib.suppress(OSError):  # nobody waits any more
        _send(pipe, vertices)
        _send(pipe, faces)


def _send(pipe: Any, rows: np.ndarray) -> None:
    pipe.send_bytes(np.ascontiguousarray(rows).data.cast("B"))


def _receive(pipe: Any, dtype: type) -> np.ndarray:
    """(n, 3) array, writable as fast-simplification demands."""
    return np.frombuffer(bytearray(pipe.recv_bytes()), dtype).reshape(-1, 3)
