"""Nearest real image: the engine's exact search beside a loop over numpy.corrcoef and a float32 norm expansion.

Each way runs in a process of its own over the same memory-mapped images, one after the other, so that its peak memory
is its own. `medsynth bench nearest` prints the table; `python tests/benchmarks/bench_nearest.py` does so without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

QUERIES, IMAGES, GRID = 24, 300, (64, 80, 80)
NEAR_COPY_RMSE = 1e-4
SHARED_HEADS = Path(__file__).resolve().parents[3] / "shared" / "data" / "ixi-t1-2mm" / "t1"

Answer = dict[str, list[Any]]


def run(queries: int = QUERIES, images: int = IMAGES) -> dict[str, Any]:
    """Compare the ways on smooth random volumes, and on the real heads of ../shared/data where they are.

    Returns
    -------
    dict
        By data set: size, per way ``seconds`` and ``peak_mib`` (above what the process held before), ``speed_up``
        over the loop, and how far its answers lie from the loop's (float64).
    """
    document: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_volumes(Path(folder), smooth_volumes(queries + images), queries)
        document["random"] = compare(Path(folder))
    heads = sorted(SHARED_HEADS.glob("*.nii*"))
    if heads:
        with tempfile.TemporaryDirectory() as folder:
            write_volumes(Path(folder), real_heads(heads), queries)
            document["real_heads"] = compare(Path(folder))
    return document


def compare(folder: Path) -> dict[str, Any]:
    """Run every way over the volumes in ``folder``."""
    answers = {way: _in_own_process(way, folder) for way in WAYS}
    loop = answers["corrcoef_loop"]
    asked, real = (np.load(folder / f"{name}.npy", mmap_mode="r").shape for name in ("queries", "images"))
    document: dict[str, Any] = {"queries": asked[0], "images": real[0], "grid": list(real[1:])}
    for way, answer in answers.items():
        document[way] = {
            "seconds": round(answer["seconds"], 3),
            "peak_mib": round(answer["peak_mib"], 1),
            "speed_up": round(loop["seconds"] / answer["seconds"], 2),
            "same_nearest": f"{sum(a == b for a, b in zip(answer['best'], loop['best'], strict=True))}/{asked[0]}",
            "worst_correlation_error": _worst(answer["correlation"], loop["correlation"]),
            "worst_rmse_error": _worst(answer["rmse"], loop["rmse"]),
        }
    return document


def smooth_volumes(count: int) -> np.ndarray:
    """Return (count, *GRID) float32 volumes in [-1, 1] that resemble each other as heads do."""
    from scipy import ndimage

    generator = np.random.default_rng(0)
    common = ndimage.gaussian_filter(generator.standard_normal(GRID), 6)
    common /= common.std()
    volumes = np.empty((count, *GRID), np.float32)
    for volume in volumes:
        own = ndimage.gaussian_filter(generator.standard_normal(GRID, np.float32), 2)
        volume[:] = np.tanh(0.5 * (common + own / own.std()))
    return volumes


def real_heads(paths: list[Path], grid: tuple[int, ...] = GRID) -> np.ndarray:
    """Read and conform real heads to one grid."""
    import nibabel as nib

    from medsynth_desktop.cohorts.conform import Extent, conform, propose_recipe
    from medsynth_desktop.core.volume import Volume

    recipe, volumes = None, []
    for path in paths:
        image: Any = nib.load(path)
        volume = Volume(np.asarray(image.dataobj, np.float32), np.asarray(image.affine, float), "MR")
        recipe = recipe or propose_recipe([Extent.of(volume)], grid=grid)
        volumes.append(conform(volume, recipe))
    return np.stack(volumes)


def write_volumes(folder: Path, volumes: np.ndarray, queries: int) -> None:
    """Write the first as queries, the others as real images; plant an exact and a near copy among the queries."""
    asked, real = volumes[:queries].copy(), volumes[queries:]
    asked[0] = real[1]
    noise = np.random.default_rng(1).standard_normal(asked[1].shape, np.float32)
    asked[1] = real[2] + np.float32(NEAR_COPY_RMSE) * noise
    np.save(folder / "queries.npy", asked)
    np.save(folder / "images.npy", real)


def engine(queries: np.ndarray, images: np.ndarray) -> Answer:
    """Search as the program does."""
    from medsynth_desktop.core.progress import drain
    from medsynth_desktop.core.records import ImageRecord
    from medsynth_desktop.similarity.search import NearestSearch

    records = [ImageRecord(f"P-{i:04d}-1", f"P-{i:04d}", "train", "") for i in range(len(images))]
    found = drain(NearestSearch(images, records).query([(str(i), query) for i, query in enumerate(queries)]))
    best = [int(nearest.neighbours[0].image[2:6]) for nearest in found]
    return {
        "best": best,
        "correlation": [nearest.neighbours[0].correlation for nearest in found],
        "rmse": [nearest.neighbours[0].rmse for nearest in found],
    }


def corrcoef_loop(queries: np.ndarray, images: np.ndarray) -> Answer:
    """Search as a script would: numpy.corrcoef for every pair, in float64."""
    answer: Answer = {"best": [], "correlation": [], "rmse": []}
    for query in queries:
        values = [float(np.corrcoef(query.ravel(), image.ravel())[0, 1]) for image in images]
        best = int(np.argmax(values))
        difference = query.astype(np.float64) - images[best]
        answer["best"].append(best)
        answer["correlation"].append(values[best])
        answer["rmse"].append(float(np.sqrt((difference**2).mean())))
    return answer


def float32_expansion(queries: np.ndarray, images: np.ndarray) -> Answer:
    """Search with one float32 product of everything and |a|^2 + |b|^2 - 2ab: fast, and wrong for near copies."""
    a, b = queries.reshape(len(queries), -1), np.array(images).reshape(len(images), -1)
    squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    u, v = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    correlation = (u @ v.T) / np.sqrt((u * u).sum(axis=1)[:, None] * (v * v).sum(axis=1))
    best, rows = correlation.argmax(axis=1), np.arange(len(a))
    return {
        "best": best.tolist(),
        "correlation": correlation[rows, best].tolist(),
        "rmse": np.sqrt(np.maximum(0, squared[rows, best]) / a.shape[1]).tolist(),
    }


WAYS: dict[str, Callable[[np.ndarray, np.ndarray], Answer]] = {
    "engine": engine,
    "corrcoef_loop": corrcoef_loop,
    "float32_expansion": float32_expansion,
}


def _worst(one: list[float], two: list[float]) -> float:
    return float(np.abs(np.array(one) - np.array(two)).max())


def _in_own_process(way: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), way, str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout))


def _measure(way: str, folder: Path) -> dict[str, Any]:
    """Time one way in this process, after its imports and one small warm-up, the files in the page cache."""
    queries = np.load(folder / "queries.npy")
    images = np.load(folder / "images.npy", mmap_mode="r")
    middle = (slice(None), *(slice(size // 2 - 4, size // 2 + 4) for size in images.shape[1:]))
    WAYS[way](queries[middle][:1].copy(), np.array(images[middle][:2]))
    with (folder / "images.npy").open("rb") as stream:
        while stream.read(1 << 24):
            pass
    before = _resident_mib("VmRSS")
    start = time.perf_counter()
    answer = WAYS[way](queries, images)
    seconds = time.perf_counter() - start
    return {**answer, "seconds": seconds, "peak_mib": _resident_mib("VmHWM") - before}


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


def _main(arguments: list[str]) -> None:
    document = _measure(arguments[0], Path(arguments[1])) if arguments else {"cpus": os.cpu_count(), **run()}
    sys.stdout.write(json.dumps(document, indent=None if arguments else 2) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
