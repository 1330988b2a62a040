"""Sampling with the guard inside the loop beside sampling without: the same model, seeds and steps, in one run.

Run it when nothing else computes: ``python tests/benchmarks/bench_guarded_sampling.py``. Untrained weights take the
time of trained ones but draw noise, which the search for disguises would give up on early; so what is judged is an
unseen head, made soft, in place of each image drawn.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from medsynth_desktop.bundles import Bundle
from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.core.progress import Steps, drain
from medsynth_desktop.core.records import BundleRecord, ImageRecord, Policy, Recipe, SampleSettings, Verdict
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.networks.architecture import AutoencoderShape, UNetShape
from medsynth_desktop.similarity.disguised.search import DisguisedSearch
from medsynth_desktop.similarity.evidence import Evidence
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.store.indexes import Indexes
from medsynth_desktop.workbench.drawing import Drawer

GRID = (64, 80, 64)
HEADS = Path(__file__).resolve().parents[3] / "shared" / "data" / "ixi-t1-2mm" / "t1"
TRAIN, SOFT = 85, 0.8
"""Real images that are searched, and the blur in voxels of the unseen ones."""


class HeadJudge:
    """The guard of the sampling loop, shown unseen heads one after the other."""

    def __init__(self, evidence: Evidence, heads: Sequence[np.ndarray]) -> None:
        self._evidence, self._heads, self._next = evidence, heads, 0

    def judge(self, images: Sequence[np.ndarray]) -> Steps[list[Verdict]]:
        """Judge a head for each image."""
        shown = [self._heads[(self._next + i) % len(self._heads)] for i in range(len(images))]
        self._next += len(images)
        found = yield from self._evidence.query([(str(i), head) for i, head in enumerate(shown)])
        return [judge(nearest, Policy("", (), "")) for nearest in found]


def run(steps: int = 20, repeats: int = 32, threads: int | None = None) -> dict[str, Any]:
    """Seconds for one sample by both ways, and what the guard adds; see `_measured`."""
    with tempfile.TemporaryDirectory() as folder:
        return _measured(folder, steps, repeats, threads)


def _measured(folder: str, steps: int, repeats: int, threads: int | None) -> dict[str, Any]:
    """Seconds for one sample by both ways, in turns, and what the guard adds.

    Other work of a shared machine makes single samples up to three times slower. So each sample is drawn both ways one
    right after the other, each way first in half of the pairs, and medians over the pairs are told, with quartiles.
    """
    if threads:
        torch.set_num_threads(threads)
    bundle, (train, unseen) = _bundle(), _images()
    records = [ImageRecord(f"P-{i:04}-1", f"P-{i:04}", "train", "") for i in range(len(train))]
    shelf = Shelf(Indexes(Path(folder)), "guarded")  # as a workspace keeps them
    evidence = Evidence(
        NearestSearch(train, records, shelf=shelf), [DisguisedSearch(train, records, shelf=shelf)]
    )
    guard = HeadJudge(evidence, unseen)
    began = time.perf_counter()
    for _ in range(
        2 * len(unseen)
    ):  # long enough for a helper to be started, as in any job of two dozen samples
        drain(guard.judge(train[:1]))
    opening = time.perf_counter() - began
    plain, guarded = (Drawer(bundle, SampleSettings(steps=steps, attempts=n), "cpu") for n in (1, 3))
    guarded.guard = guard
    ways: dict[str, Callable[[int], Any]] = {
        "unguarded": lambda seed: drain(plain.draw([seed])),
        "guarded": lambda seed: drain(guarded.draw([seed])),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(repeats)  # warm up
    for seed in range(repeats):
        for name, way in list(ways.items())[:: 1 if seed % 2 else -1]:
            began = time.perf_counter()
            way(seed)
            seconds[name].append(time.perf_counter() - began)
    added = np.array(seconds["guarded"]) / seconds["unguarded"] - 1
    each = {name: float(np.median(values)) for name, values in seconds.items()}
    began = time.perf_counter()
    for head in unseen:
        drain(evidence.query([("", head)]))
    check = (time.perf_counter() - began) / len(unseen)
    return {
        "grid": GRID,
        "steps": steps,
        "real_images": len(train),
        "threads": torch.get_num_threads(),
        "seconds_each": each,
        "pairs": repeats,
        "guard_adds": float(np.median(added)),
        "quartiles": np.quantile(added, (0.25, 0.75)).tolist(),
        "one_check_alone_seconds": check,
        "check_over_sampling": check / each["unguarded"],
        "opening_once_seconds": opening,
    }


def _bundle() -> Bundle:
    """The default networks with weights from a fixed seed: their values do not change the time."""
    torch.manual_seed(0)
    first, second = AutoencoderShape(), UNetShape()
    record = BundleRecord("0" * 64, "bench", "", "0" * 64, Recipe(GRID, 3.2, "percentile", 0.1, 99.9))
    return Bundle(record, first.build().eval(), second.build().eval(), first, second, Schedule(), 1.0)


def _images() -> tuple[np.ndarray, list[np.ndarray]]:
    """Real heads of ../shared/data where they are, else smooth volumes: to search, and unseen soft ones."""
    from tests.benchmarks.bench_nearest import real_heads, smooth_volumes

    paths = sorted(HEADS.glob("*.nii*"))
    if paths:
        volumes = real_heads(paths, GRID)
    else:
        volumes = np.ascontiguousarray(smooth_volumes(TRAIN + 8)[..., : GRID[2]])
    train = volumes[:TRAIN]
    return train, [ndimage.gaussian_filter(image, SOFT) for image in volumes[TRAIN : TRAIN + 8]]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.stdout.write(json.dumps(run(), indent=1) + "\n")
