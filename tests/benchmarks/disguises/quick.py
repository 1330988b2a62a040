"""The quick look of the sampling loop beside the whole look of the audit: what it passes on, and what it lets by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import Disguise
from medsynth_desktop.similarity.disguised.found import measures
from tests.benchmarks.disguises.asking import Line
from tests.benchmarks.disguises.limits import Rule
from tests.benchmarks.disguises.patients import Patients
from tests.benchmarks.disguises.reporting import Answers, Table, share
from tests.benchmarks.disguises.searches import disguised

KEYS = ("aligned", "part")
ROLES = {"whole": "whole images", "part": "parts", "scanned": "of several scans", "evaluation": "innocents"}
EVERY = 3
"""Every so-manieth query is asked."""


@dataclass(frozen=True)
class Looks:
    """(n,) of n queries: blocked by the whole look, by the quick one, and whether that measured at full detail."""

    whole: np.ndarray
    quick: np.ndarray
    measured: np.ndarray


def quick_looks(patients: Patients, answers: Answers, rule: Rule) -> Table:
    """By role, at the limits of ``rule``: of what the whole look blocks, how much the quick one does too."""
    limits = {key: limit for key, limit in rule.limits().items() if key in KEYS}
    search, rows = disguised(patients), []
    for role, name in ROLES.items():
        own = answers.where(role)
        queries, lines = own.queries[::EVERY], own.lines[::EVERY]
        if not queries or not limits:
            continue
        asked = [(query.id, np.asarray(query.image(patients), np.float32)) for query in queries]
        looks = compared(lines, drain(search.query(asked, limits)), limits)
        rows.append(
            {
                "a third of the": name,
                "blocked by the whole look": share(looks.whole),
                "of these by the quick look": share(looks.quick[looks.whole]) if looks.whole.any() else "",
                "blocked by the quick look alone": int((looks.quick & ~looks.whole).sum()),
                "measured at full detail": share(looks.measured),
            }
        )
    return rows


def compared(lines: list[Line], found: list[tuple[Disguise, ...]], limits: dict[str, float]) -> Looks:
    """The looks at queries: ``lines`` of the whole look, what the quick one ``found``."""
    whole, quick = [line["values"] for line in lines], [measures(disguises) for disguises in found]
    return Looks(
        np.array([_beyond(values, limits) for values in whole], bool),
        np.array([_beyond(values, limits) for values in quick], bool),
        np.array([bool(values) for values in quick], bool),
    )


def _beyond(values: dict[str, float | None], limits: dict[str, float]) -> bool:
    return any((values.get(key) or -1.0) > limit for key, limit in limits.items())
