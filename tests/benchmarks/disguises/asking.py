"""What every way says of every query: asked once, kept in a file for each search, a line for each query."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
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
    """What the exact search and ``witnesses`` say of each query; what an earlier run asked is not asked again.

    Each line has ``values`` by metric, ``found`` (the patient each speaks of) and ``seconds`` by search.
    """
    kept.mkdir(parents=True, exist_ok=True)
    lines: dict[str, Line] = {q.id: {"id": q.id, "values": {}, "found": {}, "seconds": {}} for q in queries}
    for witness in (None, *witnesses):
        for line in _asked_of(witness, patients, queries, kept):
            for part in ("values", "found", "seconds"):
                lines[line["id"]][part].update(line[part])
    return lines


def _asked_of(
    witness: Witness | None, patients: Patients, queries: Sequence[Query], kept: Path
) -> list[Line]:
    """What one search says of each query; None is the exact one."""
    name, own = ("+".join(witness.keys), witness.fingerprint) if witness else ("exact", "")
    path, lines = kept / f"{name}-{hash_json([*_images_of(patients), own, code_of(name)])[:20]}.jsonl", {}
    if path.exists():
        lines = {line["id"]: line for line in map(json.loads, path.read_text("utf-8").splitlines())}
    missing = [query for query in queries if query.id not in lines]
    exact, began = NearestSearch(patients.train.images, patients.train.records), time.perf_counter()
    with path.open("a", encoding="utf-8") as stream:
        for start in range(0, len(missing), AT_A_TIME):
            asked = [(query.id, query.image(patients)) for query in missing[start : start + AT_A_TIME]]
            nothing = [Nearest(id_, (), math.nan) for id_, _ in asked]
            job = witness.testify(asked, nothing) if witness else exact.query(asked)
            found, seconds = timed(job, len(asked))
            for nearest in found:
                line = {"id": nearest.id, "values": values_of(nearest), "found": patients_in(nearest)}
                lines[nearest.id] = {**line, "seconds": {name: seconds}}
                stream.write(json.dumps(lines[nearest.id]) + "\n")
            stream.flush()
            done = start + len(asked)
            left = (time.perf_counter() - began) / done * (len(missing) - done)
            sys.stderr.write(f"\r{name}: {done} of {len(missing)} queries, {left:.0f} s left    ")
    sys.stderr.write("\n")
    return [lines[query.id] for query in queries]


def _images_of(patients: Patients) -> list[list[str]]:
    groups = patients.train, patients.calibration, patients.evaluation
    return [[record.array_hash for record in group.records] for group in groups]


def code_of(name: str) -> str:
    """Hash of the program's code that a search's values depend on: what older code said is not believed."""
    room = Path(medsynth_desktop.__file__).parent / "similarity"
    inside = {"exact": "*.py", "aligned+part": "disguised/*.py", "aligned": "disguised/*.py"}
    return hash_json([hash_file(path) for path in sorted(room.glob(inside.get(name, "features/*.py")))])


def timed(steps: Steps[list[Nearest]], count: int) -> tuple[list[Nearest], float]:
    """What ``steps`` return, and seconds for each of ``count`` queries; making an index is not counted."""
    spent, made = 0.0, False
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


def values_of(nearest: Nearest) -> dict[str, float]:
    """Every metric's value, and the plain ratio of the second correlation to the first, whoever's image it is."""
    values = {metric.key: float(metric(nearest)) for metric in METRICS}
    if len(nearest.neighbours) > 1:
        values["plain_ratio"] = nearest.neighbours[1].correlation / nearest.neighbours[0].correlation
    return {key: value for key, value in values.items() if math.isfinite(value)}


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
