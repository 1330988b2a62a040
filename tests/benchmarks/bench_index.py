"""Nearest of many: the index beside the blocked pass and float64 products, on slices and on volumes from a disk.

Images are augmented real ones where ../shared/data is (chest X-rays; heads), else smooth noise. They lie in one
memory-mapped file in a temporary folder, the index's files beside it: 33 GB at full size for slices, 7 GB for volumes;
both are removed at the end. Each way runs in a process of its own, whose peak memory is that of the whole process.
`python -m tests.benchmarks.bench_index 2000 50` tries 2,000 slices and 50 volumes; 0 leaves a part out.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Nearest
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.store.indexes import Indexes
from tests.benchmarks.bench_nearest import _resident_mib, real_heads

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
SLICES, VOLUMES = 100_000, 727
SLICE, VOLUME = (256, 256), (128, 128, 128)
ONE_BY_ONE, ALL_AT_ONCE = 20, 182
SOURCES = 600
"""Real images that are augmented; those of one source are one patient."""
SHIFT = 0.06
LEVELS = 4096
"""Grey levels of the sources: a gamma is a table of so many numbers."""


def run(slices: int = SLICES, volumes: int = VOLUMES) -> dict[str, Any]:
    """Compare the ways for single queries of slices, and for a batch of queries of volumes.

    Returns
    -------
    dict
        By data set: sizes, and per way ``seconds`` (and those of the processor) for so many ``queries``, ``peak_mib``,
        the share of images whose voxels were compared (``refined``), and whether it agrees with float64.
    """
    document: dict[str, Any] = {}
    for name, shape, count, asked in (
        ("slices", SLICE, slices, ONE_BY_ONE),
        ("volumes", VOLUME, volumes, min(ALL_AT_ONCE, volumes)),
    ):
        if not count:
            continue
        with tempfile.TemporaryDirectory() as folder:
            needed, free = int(5.5 * count * np.prod(shape)), shutil.disk_usage(folder).free
            if free < needed:
                sys.exit(
                    f"{name} need {needed >> 30} GiB in {folder}; {free >> 30} are free. Set TMPDIR, or ask for fewer."
                )
            start = time.perf_counter()
            write_images(Path(folder), sources(shape), count + 1, asked)
            written = time.perf_counter() - start
            document[name] = {
                "seconds_to_write_the_images": written,
                **compare(Path(folder), single=name == "slices"),
            }
    return document


def sources(shape: tuple[int, ...]) -> np.ndarray:
    """Real images of ``shape``, float32 in [-1, 1], or smooth noise where there are none."""
    from scipy import ndimage

    slices = sorted((SHARED / "cxr-paediatric").rglob("*.jp*g"))[:: 3837 // SOURCES]
    heads = sorted((SHARED / "ixi-t1-2mm" / "t1").glob("*.nii*"))
    if len(shape) == 2 and slices:
        import imageio.v3 as imageio

        pictures = (np.asarray(imageio.imread(path, mode="L"), np.float32) for path in slices)
        zoomed = (
            ndimage.zoom(p, [s / n for s, n in zip(shape, p.shape, strict=True)], order=1) for p in pictures
        )
        return np.stack([p / 127.5 - 1 for p in zoomed]).astype(np.float32)
    if len(shape) == 3 and heads:
        return real_heads(heads, shape)
    generator = np.random.default_rng(0)
    noise = np.stack([ndimage.gaussian_filter(generator.standard_normal(shape), 4) for _ in range(60)])
    return np.asarray(np.tanh(noise / noise.std()), np.float32)


def levels(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] as whole numbers below `LEVELS`."""
    return np.rint((np.clip(images, -1, 1) + 1) / 2 * (LEVELS - 1)).astype(np.uint16)


def augmented(images: np.ndarray, generator: np.random.Generator) -> tuple[int, np.ndarray]:
    """Number of a source, and it: shifted, mirrored, with another gamma, a little of another source mixed in."""
    one, other = generator.integers(len(images), size=2)
    share, gamma = (
        int(generator.integers(0, 7)),
        generator.uniform(0.8, 1.25),
    )  # share in sixteenths; no overflow
    image = (images[one] * np.uint16(16 - share) + images[other] * np.uint16(share)) >> np.uint16(4)
    tones = (2 * np.linspace(0, 1, LEVELS) ** gamma - 1).astype(np.float32)
    most = [max(1, int(SHIFT * size)) for size in image.shape]
    image = np.roll(image, [int(generator.integers(-m, m + 1)) for m in most], tuple(range(image.ndim)))
    return int(one), tones[image[::-1] if generator.random() < 0.5 else image]


def write_images(folder: Path, real: np.ndarray, count: int, queries: int) -> None:
    """Write ``images.npy`` and ``queries.npy``, every fourth query a near copy, and ``patients.npy``."""
    generator, real = np.random.default_rng(1), levels(real)
    patients, asked = np.empty(count, np.int64), np.empty((queries, *real.shape[1:]), np.float32)
    copied = dict(zip(generator.permutation(count - 1).tolist(), range(0, queries, 4), strict=False))
    for row in range(queries):
        asked[row] = augmented(real, generator)[1]
    with (folder / "images.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "<f4", "fortran_order": False, "shape": (count, *real.shape[1:])}
        )
        for row in range(count):
            patients[row], image = augmented(real, generator)
            if row in copied:
                noise = generator.standard_normal(image.shape, np.float32)
                asked[copied[row]] = image + np.float32(1e-4) * noise
            stream.write(image.data)
    np.save(folder / "queries.npy", asked)
    np.save(folder / "patients.npy", patients)


@dataclass(frozen=True)
class Data:
    """What a way is given; the last image is the one that is added."""

    folder: Path
    images: np.ndarray
    queries: np.ndarray
    records: list[ImageRecord]
    single: bool

    @classmethod
    def open(cls, folder: Path, single: bool) -> Data:
        """Map the images."""
        images = np.load(folder / "images.npy", mmap_mode="r")
        records = [
            ImageRecord(f"P-{p:04d}-{row:06d}", f"P-{p:04d}", "train", sha256(str(row).encode()).hexdigest())
            for row, p in enumerate(np.load(folder / "patients.npy").tolist())
        ]
        return cls(folder, images, np.load(folder / "queries.npy"), records, single)

    def search(self, *, indexed: bool, added: int = 0) -> NearestSearch:
        """The search over all images but the last, or with it."""
        count = len(self.records) - 1 + added
        shelf = Shelf(Indexes(self.folder), "benchmark", least=0) if indexed else None
        return NearestSearch(self.images[:count], self.records[:count], shelf=shelf)


def float64_products(data: Data) -> dict[str, Any]:
    """The first queries' correlations by products of matrices in float64: the naive way, and the truth."""
    start, cpu = time.perf_counter(), time.process_time()
    units = _units(data.queries[:ONE_BY_ONE])
    step = max(1, (1 << 28) // (8 * units.shape[1]))
    images = data.images[:-1]
    rows = [_units(images[at : at + step]) @ units.T for at in range(0, len(images), step)]
    values = np.concatenate(rows)
    best = [(int(row), float(values[row, query])) for query, row in enumerate(values.argmax(axis=0))]
    return {**_spent(start, cpu), "queries": len(units), "best": best}


def _units(images: np.ndarray) -> np.ndarray:
    """(n, voxels) float64: centred, of unit norm."""
    rows = images.reshape(len(images), -1).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _spent(start: float, cpu: float) -> dict[str, float]:
    return {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - cpu}


def blocked_pass(data: Data) -> dict[str, Any]:
    """The search without an index."""
    return _timed(data, data.search(indexed=False), data.queries[: 1 if data.single else None])


def index_made(data: Data) -> dict[str, Any]:
    """The first search ever: the index is made and kept."""
    return _timed(data, data.search(indexed=True), data.queries[:1])


def index_opened(data: Data) -> dict[str, Any]:
    """The first search of another process."""
    return _timed(data, data.search(indexed=True), data.queries[:1])


def index_query(data: Data) -> dict[str, Any]:
    """When the index is open: single queries one after the other (median), or all at once."""
    search = data.search(indexed=True)
    _timed(data, search, data.queries[-1:])
    if not data.single:
        return _timed(data, search, data.queries)
    each = [_timed(data, search, data.queries[row : row + 1]) for row in range(len(data.queries))]
    seconds, spent, refined = ([e[key] for e in each] for key in ("seconds", "processor_seconds", "refined"))
    return {
        "seconds": float(np.median(seconds)),
        "processor_seconds": float(np.median(spent)),
        "slowest": max(seconds),
        "refined": float(np.median(refined)),
        "most_refined": max(refined),
        "queries": 1,
        "best": [one["best"][0] for one in each],
    }


def index_with_one_more(data: Data) -> dict[str, Any]:
    """Open the index, add one image, answer one query."""
    return _timed(data, data.search(indexed=True, added=1), data.queries[:1])


WAYS: dict[str, Callable[[Data], dict[str, Any]]] = {
    way.__name__: way
    for way in (float64_products, blocked_pass, index_made, index_opened, index_query, index_with_one_more)
}


def compare(folder: Path, single: bool) -> dict[str, Any]:
    """Run every way over the images in ``folder``."""
    answers = {way: _in_own_process(way, folder, single) for way in WAYS}
    truth = answers["float64_products"]["best"]
    shape = np.load(folder / "images.npy", mmap_mode="r").shape
    document: dict[str, Any] = {"images": shape[0] - 1, "grid": list(shape[1:])}
    for way, answer in answers.items():
        both = list(zip(answer.pop("best"), truth, strict=False))
        answer["same_nearest"] = f"{sum(ours[0] == theirs[0] for ours, theirs in both)}/{len(both)}"
        answer["worst_correlation_error"] = max(abs(ours[1] - theirs[1]) for ours, theirs in both)
        document[way] = answer
    return document


def _timed(data: Data, search: NearestSearch, queries: np.ndarray) -> dict[str, Any]:
    start, cpu = time.perf_counter(), time.process_time()
    found: list[Nearest] = drain(search.query([(str(row), query) for row, query in enumerate(queries)]))
    spent = _spent(start, cpu)
    best = [(int(f.neighbours[0].image.rsplit("-", 1)[1]), f.neighbours[0].correlation) for f in found]
    return {**spent, "queries": len(queries), "refined": search.refined, "best": best}


def _in_own_process(way: str, folder: Path, single: bool) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_index", way, str(folder), str(int(single))]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout))


def _main(arguments: list[str]) -> None:
    if arguments and arguments[0] in WAYS:
        data = Data.open(Path(arguments[1]), arguments[2] == "1")
        document = {**WAYS[arguments[0]](data), "peak_mib": round(_resident_mib("VmHWM"), 1)}
    else:
        document = run(*map(int, arguments))
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
