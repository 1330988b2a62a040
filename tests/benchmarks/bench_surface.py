"""Surface of a 256^3 volume: the engine's flying edges beside scikit-image's marching cubes.

Each way runs in a process of its own, one after the other, so that its peak memory is its own. The shape is a
gyroid, so that the triangles lie everywhere, as in a head; both ways must find the same surface.
`medsynth bench surface` prints the table; `python tests/benchmarks/bench_surface.py` does so without it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIZE, PERIODS, REPEATS = 256, 0.85, 3


def run(size: int = SIZE, repeats: int = REPEATS) -> dict[str, Any]:
    """Compare the ways.

    Returns
    -------
    dict
        Per way: best ``seconds`` of ``repeats``, ``peak_mib`` above what the process held before, vertices, triangles,
        area; ``speed_up`` and ``memory_ratio`` of flying edges over scikit-image. ``engine_whole`` is all that a user
        waits for: padding, smoothing, millimetres, the watertight check, area and volume.
    """
    document: dict[str, Any] = {"grid": [size, size, size]}
    document |= {way: _in_own_process(way, size, repeats) for way in WAYS}
    ours, peer = document["flying_edges"], document["scikit_image"]
    document["speed_up"] = round(peer["seconds"] / ours["seconds"], 2)
    document["memory_ratio"] = round(ours["peak_mib"] / max(peer["peak_mib"], 0.1), 2)
    document["area_difference"] = round(abs(ours["area"] / peer["area"] - 1), 6)
    return document


def gyroid(size: int) -> np.ndarray:
    """(size, size, size) float32, positive on one side of a gyroid."""
    x, y, z = np.meshgrid(
        *[np.linspace(0, 2 * np.pi * PERIODS, size, dtype=np.float32)] * 3, indexing="ij", sparse=True
    )
    return np.asarray(np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x), np.float32)


def flying_edges(volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles as the engine finds them: padded by a voxel, so the surface is closed."""
    from medsynth_desktop.meshes.flying_edges import as_arrays, triangles

    vertices, faces = as_arrays(triangles(volume.T, 0.0, float(volume.min())))  # VTK wants x fastest
    return vertices[:, ::-1], faces[:, ::-1]


def scikit_image(volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles by skimage.measure.marching_cubes (Lewiner), padded in the same way."""
    from skimage.measure import marching_cubes

    padded = np.pad(volume, 1, constant_values=float(volume.min()))
    vertices, faces, _, _ = marching_cubes(padded, 0.0)
    return vertices, faces


def engine_whole(volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All of `extract_surface`."""
    from medsynth_desktop.core.volume import Volume
    from medsynth_desktop.meshes.surface import extract_surface

    surface = extract_surface(Volume(volume), 0.0)
    return surface.vertices, surface.faces


WAYS: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "flying_edges": flying_edges,
    "scikit_image": scikit_image,
    "engine_whole": engine_whole,
}


def _in_own_process(way: str, size: int, repeats: int) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), way, str(size), str(repeats)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _measure(way: str, size: int, repeats: int) -> dict[str, Any]:
    """Time one way in this process, after its imports and a small warm-up."""
    from medsynth_desktop.meshes import topology

    WAYS[way](gyroid(24))
    volume = gyroid(size)
    before = _resident_mib("VmRSS")
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        vertices, faces = WAYS[way](volume)
        seconds.append(time.perf_counter() - began)
    peak = _resident_mib("VmHWM") - before
    return {
        "seconds": round(min(seconds), 3),
        "peak_mib": round(peak, 1),
        "vertices": len(vertices),
        "triangles": len(faces),
        "area": round(topology.area_and_volume(vertices, faces)[0], 1),
    }


def _resident_mib(field: str) -> float:
    """Resident memory now (VmRSS) or at most so far (VmHWM); elsewhere than on Linux the latter for both."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(field))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            1 << (20 if sys.platform == "darwin" else 10)
        )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        sys.stdout.write(json.dumps(_measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
    else:
        sys.stdout.write(json.dumps(run(), indent=1) + "\n")
