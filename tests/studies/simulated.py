"""Studies whose truth is known: readers and cases drawn from a model, and what endless cases would give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.studies.statistics.estimate import Estimate
from medsynth_desktop.studies.statistics.gwet import gwet_ac, raw_agreement
from medsynth_desktop.studies.statistics.intraclass import intraclass
from medsynth_desktop.studies.statistics.kappa import weighted_kappa
from medsynth_desktop.studies.statistics.krippendorff import krippendorff_alpha
from medsynth_desktop.studies.statistics.recognition import area_by_reader

EVEN, TOP_HEAVY = (-1.2, 0.0, 1.2), (-4.0, -2.6, -1.2)
OPTIONS = 4
Measure = Callable[[np.ndarray], Estimate]
AGREEMENT: dict[str, Measure] = {
    "raw agreement": lambda r: raw_agreement(r, OPTIONS),
    "kappa, linear": lambda r: weighted_kappa(r, OPTIONS, "linear"),
    "kappa, quadratic": lambda r: weighted_kappa(r, OPTIONS, "quadratic"),
    "alpha, nominal": lambda r: krippendorff_alpha(r, OPTIONS, "nominal"),
    "alpha, ordinal": lambda r: krippendorff_alpha(r, OPTIONS, "ordinal"),
    "alpha, interval": lambda r: krippendorff_alpha(r, OPTIONS, "interval"),
    "AC1": lambda r: gwet_ac(r, OPTIONS, "identity"),
    "AC2": lambda r: gwet_ac(r, OPTIONS, "quadratic"),
}


def ratings(generator: np.random.Generator, readers: int, cases: int, cuts: Sequence[float]) -> np.ndarray:
    """(readers, cases) 1 to 4: the quality of each case, each reader's own leniency (fixed), and noise, cut."""
    quality = 1.5 * generator.standard_normal(cases) + generator.standard_normal((readers, cases))
    return 1.0 + np.searchsorted(cuts, quality + np.linspace(-0.4, 0.4, readers)[:, None])


def true_agreement(measure: Measure, readers: int, cuts: Sequence[float]) -> float:
    """What ``measure`` is of these readers and endless cases: the mean over 24 studies of 2,500."""
    seeds = range(1000, 1024)
    return float(
        np.mean([measure(ratings(np.random.default_rng(s), readers, 2500, cuts)).value for s in seeds])
    )


@dataclass(frozen=True)
class Coverage:
    """How often intervals held the truth, and how wide they were, over ``studies`` that had one."""

    truth: float
    held: float
    width: float
    studies: int


def coverage(draw: Callable[[], Estimate], truth: float, studies: int) -> Coverage:
    """Return the coverage of the intervals that ``draw`` makes of one study each."""
    made = [e for e in (draw() for _ in range(studies)) if np.isfinite(e.low + e.high)]
    held = [e.low <= truth <= e.high for e in made]
    return Coverage(truth, float(np.mean(held)), float(np.mean([e.high - e.low for e in made])), len(made))


def recognised(
    generator: np.random.Generator, readers: int, cases: int, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """(readers, cases) six steps of confidence and the truth, every other case synthetic.

    Readers' skills vary by ``spread`` around 0.8; half of the variance of a case is its own, the same for all readers.
    """
    truth = np.arange(cases) % 2 == 0
    skill = 0.8 + spread * generator.standard_normal((readers, 1))
    noise = generator.standard_normal(cases) + generator.standard_normal((readers, cases))
    return 1.0 + np.searchsorted(np.linspace(-1.5, 2.3, 5), noise / np.sqrt(2) + skill * truth), truth


def true_area(spread: float) -> float:
    """The mean area of endless readers and cases."""
    generator = np.random.default_rng(2024)
    areas = []
    for _ in range(20):
        score, truth = recognised(generator, 200, 400, spread)
        areas.append(area_by_reader(score, truth)(np.ones((1, 400))).mean())
    return float(np.mean(areas))


def two_kinds(
    generator: np.random.Generator, readers: int, cases: int, effect: float
) -> tuple[np.ndarray, np.ndarray]:
    """(readers, cases) 1 to 4 of the ordinal mixed model itself, and the truth: every other case is synthetic."""
    truth = np.arange(cases) % 2 == 0
    linear = effect * truth + generator.standard_normal(cases) + 0.7 * generator.standard_normal((readers, 1))
    return 1.0 + np.searchsorted(
        (-4.0, -2.5, -0.5), linear + generator.logistic(size=(readers, cases))
    ), truth


def normal_scores(generator: np.random.Generator, readers: int, cases: int) -> np.ndarray:
    """(readers, cases) normal scores with variances 1 of cases, 0.2 of readers and 0.8 of the rest: ICC(2,1) is 0.5."""
    return (
        generator.standard_normal(cases)
        + np.sqrt(0.2) * generator.standard_normal((readers, 1))
        + np.sqrt(0.8) * generator.standard_normal((readers, cases))
    )


def icc(scores: np.ndarray) -> Estimate:
    """ICC(2,1)."""
    return intraclass(scores)["ICC(2,1)"]
