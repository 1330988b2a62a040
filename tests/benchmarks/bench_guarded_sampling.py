"""Sampling with the guard inside the loop beside sampling without: the same model, seeds and steps, in one run.

Run it when nothing else computes: ``python tests/benchmarks/bench_guarded_sampling.py``. Untrained weights take the
time of trained ones but draw noise, which the search for disguises would give up on early; so what is judged is an
unseen head, made soft, in place of each image drawn.
"""

from __future__ import annotations

import json
import sys
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
from medsynth_desktop.core.records import (
    BundleRecord,
    ImageRecord,
    Policy,
    Recipe,
    SampleSettings,
    Threshold,
    Verdict,
)
from medsynth_desktop.guard.verdicts import judge, metrics_table
from medsynth_desktop.networks.architecture import AutoencoderShape, UNetShape
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.disguised.search import DisguisedSearch
from medsynth_desktop.similarity.evidence import Evidence
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.workbench.drawing import Drawer

GRID = (64, 80, 64)
HEADS = Path(__file__).resolve().parents[3] / "shared" / "data" / "ixi-t1-2mm" / "t1"
TRAIN, SOFT, SHOWN = 85, 0.8, 12
"""Real images that are searched, the blur in voxels of the unseen ones, and how many of these are shown in turn. All
set limits, so none is blocked: a sample drawn anew is not what is timed here."""


class HeadJudge:
    """The guard of the sampling loop, shown unseen heads one after the other."""

    def __init__(self, evidence: Evidence, heads: Sequence[np.ndarray], policy: Policy) -> None:
        self._evidence, self._heads, self._next, self._policy = evidence, heads, 0, policy
        self._limits = {threshold.metric: threshold.block for threshold in policy.thresholds}
        self.seconds: list[float] = []

    def judge(self, images: Sequence[np.ndarray]) -> Steps[list[Verdict]]:
        """Judge a head for each image; remember how long it took."""
        shown = [self._heads[(self._next + i) % len(self._heads)] for i in range(len(images))]
        self._next += len(images)
        began = time.perf_counter()
        queries = [(str(i), head) for i, head in enumerate(shown)]
        found = yield from self._evidence.query(queries, self._limits)
        verdicts = [judge(nearest, self._policy) for nearest in found]
        self.seconds.append(time.perf_counter() - began)
        return verdicts


def run(steps: int = 20, repeats: int = SHOWN, threads: int | None = None) -> dict[str, Any]:
    """Median seconds for one sample by both ways, interleaved, and what the guard adds."""
    if threads:
        torch.set_num_threads(threads)
    bundle, (train, unseen) = _bundle(), _images()
    records = [ImageRecord(f"P-{i:04}-1", f"P-{i:04}", "train", "") for i in range(len(train))]
    evidence = Evidence(NearestSearch(train, records), [DisguisedSearch(train, records)])
    began = time.perf_counter()
    drain(evidence.query([("", train[0])]))
    opening = time.perf_counter() - began
    shown = unseen[:: len(unseen) // SHOWN][:SHOWN]
    guard = HeadJudge(evidence, shown, limits_of(evidence, unseen))
    plain, guarded = (Drawer(bundle, SampleSettings(steps=steps, attempts=n), "cpu") for n in (1, 3))
    guarded.guard = guard
    ways: dict[str, Callable[[int], Any]] = {
        "unguarded": lambda seed: drain(plain.draw([seed])),
        "guarded": lambda seed: drain(guarded.draw([seed])),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(0)  # warm up
    guard.seconds.clear()
    for seed in range(repeats):
        for name, way in ways.items():
            began = time.perf_counter()
            way(seed)
            seconds[name].append(time.perf_counter() - began)
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    check, whole = float(np.mean(guard.seconds)), []
    for head in shown:
        began = time.perf_counter()
        drain(evidence.query([("", head)]))
        whole.append(time.perf_counter() - began)
    return {
        "grid": GRID,
        "steps": steps,
        "real_images": len(train),
        "threads": torch.get_num_threads(),
        "seconds": median,
        "guard_adds": median["guarded"] / median["unguarded"] - 1,
        "one_check_seconds": check,
        "check_over_sampling": check / median["unguarded"],
        "one_whole_look_seconds": float(np.mean(whole)),
        "opening_once_seconds": opening,
    }


def limits_of(evidence: Evidence, heads: Sequence[np.ndarray]) -> Policy:
    """The riskiest value of each metric among ``heads``."""
    found = drain(evidence.query([(str(i), head) for i, head in enumerate(heads)]))
    thresholds = []
    for key, values in metrics_table(found).items():
        limit = float(values.max() if METRICS[key].direction == "high" else values.min())
        thresholds.append(Threshold(key, limit, limit))
    return Policy("", tuple(thresholds), "")


def _bundle() -> Bundle:
    """The default networks with weights from a fixed seed: their values do not change the time."""
    torch.manual_seed(0)
    first, second = AutoencoderShape(), UNetShape()
    record = BundleRecord("0" * 64, "bench", "", "0" * 64, Recipe(GRID, 3.2, "percentile", 0.1, 99.9))
    return Bundle(record, first.build().eval(), second.build().eval(), first, second, Schedule(), 1.0)


def _images() -> tuple[np.ndarray, list[np.ndarray]]:
    """Real heads of ../shared/data where they are, else smooth volumes: to search, and unseen ones, made soft."""
    from tests.benchmarks.bench_nearest import real_heads, smooth_volumes

    paths = sorted(HEADS.glob("*.nii*"))
    if paths:
        volumes = real_heads(paths, GRID)
    else:
        volumes = np.ascontiguousarray(smooth_volumes(TRAIN + 2 * SHOWN)[..., : GRID[2]])
    train = volumes[:TRAIN]
    return train, [ndimage.gaussian_filter(image, SOFT) for image in volumes[TRAIN:]]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.stdout.write(json.dumps(run(), indent=1) + "\n")
