"""How often the intervals of a reader study hold the truth, over simulated studies, and how wide they are.

Evidence more than a benchmark, some minutes of one core. Nominal is 95% throughout. The models are those of
tests/studies/simulated.py; the large-sample interval of kappa stands beside ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from medsynth_desktop.studies.statistics.estimate import Estimate
from medsynth_desktop.studies.statistics.kappa import contingency, kappa_of_table
from medsynth_desktop.studies.statistics.multireader import obuchowski_rockette, two_way_bootstrap
from medsynth_desktop.studies.statistics.ordinal_mixed import ordinal_difference
from medsynth_desktop.studies.statistics.recognition import area_by_reader
from medsynth_desktop.studies.statistics.weights import agreement_weights
from tests.studies.simulated import (
    AGREEMENT,
    EVEN,
    OPTIONS,
    TOP_HEAVY,
    coverage,
    icc,
    normal_scores,
    ratings,
    recognised,
    true_agreement,
    true_area,
    two_kinds,
)

STUDIES, SEED, RESAMPLES = 2000, 20261122, 500
SIZES = ((2, 40), (3, 40), (3, 100))


def run(studies: int = STUDIES) -> dict[str, Any]:
    """Rows of what, readers, cases, the truth, the share of intervals that held it, their mean width; and seconds."""
    began = time.monotonic()
    rows = []
    for what, readers, cases, truth, draw, count in _designs(studies):
        made = coverage(draw, truth, count)
        rows.append([what, readers, cases, made.truth, made.held, made.width, made.studies])
    return {"rows": rows, "took": time.monotonic() - began}


def page(document: dict[str, Any]) -> list[str]:
    """The table."""
    head = ["| | readers | cases | truth | held | width | studies |", "|---|---:|---:|---:|---:|---:|---:|"]
    rows = [
        f"| {what} | {readers} | {cases} | {truth:.3f} | {100 * held:.1f} % | {width:.3f} | {studies} |"
        for what, readers, cases, truth, held, width, studies in document["rows"]
    ]
    return [*head, *rows, "", f"{document['took']:.0f} s of one core."]


Design = tuple[str, int, int, float, Callable[[], Estimate], int]


def _designs(studies: int) -> Iterator[Design]:
    for name, cuts in (("even answers", EVEN), ("top-heavy answers", TOP_HEAVY)):
        for readers, cases in SIZES:
            yield from _agreement(name, cuts, readers, cases, studies)
    for readers, cases in ((3, 40), (4, 100)):
        generator = np.random.default_rng(SEED)
        draw = _bound(lambda g, r, c: icc(normal_scores(g, r, c)), generator, readers, cases)
        yield "ICC(2,1), normal scores", readers, cases, 0.5, draw, studies
    for spread in (0.0, 0.3, 0.6):
        for readers in (2, 3, 5, 10):
            yield from _areas(spread, readers, studies // 2)
    for readers, cases in ((2, 40), (3, 40), (3, 100), (5, 40)):
        generator = np.random.default_rng(SEED)
        draw = _bound(_difference, generator, readers, cases)
        yield "ordinal mixed model, log odds", readers, cases, -1.0, draw, studies // 4


def _agreement(name: str, cuts: Sequence[float], readers: int, cases: int, studies: int) -> Iterator[Design]:
    for key, measure in AGREEMENT.items():
        generator = np.random.default_rng(SEED)
        draw = _bound(lambda g, r, c, m=measure: m(ratings(g, r, c, cuts)), generator, readers, cases)
        yield f"{key}, {name}", readers, cases, true_agreement(measure, readers, cuts), draw, studies
    if readers == 2:
        generator, weights = np.random.default_rng(SEED), agreement_weights(OPTIONS, "quadratic")
        draw = _bound(
            lambda g, r, c: kappa_of_table(contingency(*ratings(g, r, c, cuts), OPTIONS), weights),
            generator, readers, cases,
        )  # fmt: skip
        truth = true_agreement(AGREEMENT["kappa, quadratic"], readers, cuts)
        yield f"kappa, quadratic, large-sample interval of 1969, {name}", readers, cases, truth, draw, studies


def _areas(spread: float, readers: int, studies: int) -> Iterator[Design]:
    truth = true_area(spread)
    for name, of in (("bootstrap", _drawn), ("Obuchowski-Rockette", _analysed)):
        generator = np.random.default_rng(SEED)
        draw = _bound(lambda g, r, c, f=of: f(g, *recognised(g, r, c, spread)), generator, readers, 40)
        yield f"mean AUC, {name}, skill varies by {spread}", readers, 40, truth, draw, studies


def _drawn(generator: np.random.Generator, score: np.ndarray, truth: np.ndarray) -> Estimate:
    return two_way_bootstrap(area_by_reader(score, truth), truth, generator, RESAMPLES)


def _analysed(_: np.random.Generator, score: np.ndarray, truth: np.ndarray) -> Estimate:
    return obuchowski_rockette(area_by_reader(score, truth), truth)


def _difference(generator: np.random.Generator, readers: int, cases: int) -> Estimate:
    table, truth = two_kinds(generator, readers, cases, -1.0)
    return ordinal_difference(table, OPTIONS, truth).log_odds


def _bound(
    of: Callable[..., Estimate], generator: np.random.Generator, readers: int, cases: int
) -> Callable[[], Estimate]:
    """One study after another from one generator."""
    return lambda: of(generator, readers, cases)
