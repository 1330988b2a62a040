"""What every way says of every query: asked once, kept in a file of the cache, a line for each query."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import medsynth_desktop
from medsynth_desktop.core.hashing import hash_file, hash_json
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import Nearest
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.base import Witness
from medsynth_desktop.similarity.search import NearestSearch
from tests.benchmarks.disguises.patients import Patients
from tests.benchmarks.disguises.planting import Query

AT_A_TIME = 16
"""Queries in memory."""
Line = dict[str, Any]


def ask(
    patients: Patients, queries: Sequence[Query], witnesses: Sequence[Witness], kept: Path
) -> dict[str, Line]:
    """What the exact search and ``witnesses`` say of each query; lines of an earlier run are not asked again.

    Each line has ``values`` by metric, ``found`` (the patient each speaks of) and ``seconds`` by search.
    """
    kept.mkdir(parents=True, exist_ok=True)
    records = [
        r.array_hash for p in (patients.train, patients.calibration, patients.evaluation) for r in p.records
    ]
    same = hash_json([records, sorted(w.fingerprint for w in witnesses), code_of("similarity")])[:20]
    path, lines = kept / f"asked-{same}.jsonl", {}
    if path.exists():
        lines = {line["id"]: line for line in map(json.loads, path.read_text("utf-8").splitlines())}
    missing = [query for query in queries if query.id not in lines]
    exact, began = NearestSearch(patients.train.images, patients.train.records), time.perf_counter()
    with path.open("a", encoding="utf-8") as stream:
        for start in range(0, len(missing), AT_A_TIME):
            some = missing[start : start + AT_A_TIME]
            for line in _said(patients, some, exact, witnesses):
                lines[line["id"]] = line
                stream.write(json.dumps(line) + "\n")
            stream.flush()
            done = start + len(some)
            left = (time.perf_counter() - began) / done * (len(missing) - done)
            sys.stderr.write(f"\r{done} of {len(missing)} queries, {left:.0f} s left    ")
    sys.stderr.write("\n")
    return {query.id: lines[query.id] for query in queries}


def code_of(room: str) -> str:
    """Hash of the program's code in ``room``: what older code said is not believed."""
    files = sorted((Path(medsynth_desktop.__file__).parent / room).rglob("*.py"))
    return hash_json([hash_file(path) for path in files])


def _said(
    patients: Patients, queries: Sequence[Query], exact: NearestSearch, witnesses: Sequence[Witness]
) -> list[Line]:
    images = [(query.id, query.image(patients)) for query in queries]
    seconds = {}
    found, seconds["exact"] = timed(lambda: exact.query(images), len(images))
    for witness in witnesses:
        name, before = "+".join(witness.keys), found
        found, seconds[name] = timed(lambda w=witness, b=before: w.testify(images, b), len(images))  # type: ignore[misc]
    return [
        {"id": nearest.id, "values": values_of(nearest), "found": patients_in(nearest), "seconds": seconds}
        for nearest in found
    ]


def timed(job: Callable[[], Steps[list[Nearest]]], count: int) -> tuple[list[Nearest], float]:
    """What ``job`` returns, and seconds for each of ``count`` queries; making an index is not counted."""
    steps, spent, made = job(), 0.0, False
    while True:
        start = time.perf_counter()
        try:
            progress = next(steps)
        except StopIteration as end:
            return end.value, (spent + time.perf_counter() - start) / count
        made = "once" in progress.message
        spent += 0 if made else time.perf_counter() - start
        if made:
            sys.stderr.write(f"\r{progress.message}: {progress.done} of {progress.total}    ")


def values_of(nearest: Nearest) -> dict[str, float | None]:
    """Every metric's value, and the plain ratio of the second correlation to the first, whoever's image it is."""
    values = {metric.key: float(metric(nearest)) for metric in METRICS}
    if len(nearest.neighbours) > 1:
        values["plain_ratio"] = nearest.neighbours[1].correlation / nearest.neighbours[0].correlation
    return {key: value if math.isfinite(value) else None for key, value in values.items()}


def patients_in(nearest: Nearest) -> dict[str, str]:
    """By metric the patient that its value speaks of."""
    named = {metric.key: metric.neighbour(nearest) for metric in METRICS}
    return {key: of.patient for key, of in named.items() if of is not None}


def risky(lines: Sequence[Line]) -> dict[str, np.ndarray]:
    """By metric (n,) values turned so that high is risky."""
    keys = [*METRICS.keys(), "plain_ratio"]
    low = {metric.key for metric in METRICS if metric.direction == "low"} | {"plain_ratio"}
    found = {}
    for key in keys:
        values = [line["values"].get(key) for line in lines]
        column = np.array([np.nan if v is None else v for v in values], float)
        found[key] = -column if key in low else column
    return found
