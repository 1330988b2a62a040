"""How unlikely a sample is among unseen patients: conformal p-values, and false-discovery control over a batch.

A p-value answers: were this image one more unseen patient's, how often would it look at least as much like a copy? It
needs no distribution, only that an innocent image could change places with an unseen patient's.

The p-value of one metric is (1 + patients at least as risky) / (patients + 1), ties counted. That of all metrics
together ranks the sample and the patients among each other in every metric, takes of each its best rank, and asks how
many have one as good: whoever comes first in any of M metrics is one of up to M, so the price of looking at many
metrics is paid. Ranks are taken with the sample among the patients (full conformal prediction); leaving each patient
out and the sample not would give p-values up to M times too small.

Sources: Vovk, Gammerman and Shafer 2005, Algorithmic learning in a random world; Bates, Candes, Lei, Romano and Sesia
2023, Testing for outliers with conformal p-values, Annals of Statistics 51:149: p-values that share one calibration set
depend on each other in a way under which Benjamini and Hochberg's procedure holds its rate. They prove it for a score
that does not look at the sample, as that of one metric; for the ranks of several, which a sample moves by one at most,
`tests/guard/test_significance.py` measures it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.base import Metric

FDR = 0.05
"""Share of the discovered images that may be innocent, on average."""
ROUNDING = 1e-9
AT_ONCE = 1 << 18
"""Pairs of a sample and a patient compared at once."""


@dataclass(frozen=True)
class Significance:
    """What chance explains of a batch.

    Attributes
    ----------
    by_metric
        By key of each metric that counts, the (n,) p-values of the batch's images; NaN where an optional metric was
        not looked for.
    p_values
        (n,) over all those metrics together; NaN where one of them is.
    patients
        Unseen patients behind them.
    fdr
        The false-discovery rate asked for.
    """

    by_metric: Mapping[str, np.ndarray]
    p_values: np.ndarray
    patients: int
    fdr: float = FDR

    @cached_property
    def q_values(self) -> np.ndarray:
        """(n,) the smallest false-discovery rate at which each image would be discovered; NaN where its p-value is."""
        return adjust(self.p_values)

    @cached_property
    def discovered(self) -> np.ndarray:
        """(n,) bool: images that chance does not explain at the rate asked for."""
        return np.asarray(self.q_values <= self.fdr * (1 + ROUNDING))

    @property
    def discoveries(self) -> int:
        """How many."""
        return int(self.discovered.sum())

    @property
    def tested(self) -> int:
        """Images with a p-value."""
        return int(np.isfinite(self.p_values).sum())

    @property
    def smallest(self) -> float:
        """The smallest p-value there can be with so many patients."""
        return 1 / (self.patients + 1)

    @property
    def fewest(self) -> int:
        """How many images must have the smallest p-value before any of the batch can be discovered."""
        return math.ceil(self.tested * self.smallest / self.fdr - ROUNDING)

    @property
    def patients_needed(self) -> int:
        """Unseen patients with which a single image of such a batch could be discovered."""
        return math.ceil(self.tested / self.fdr - ROUNDING) - 1

    @property
    def limitation(self) -> str:
        """A sentence where the unseen patients are too few to discover a single image; else ""."""
        if not self.tested or not self.patients or self.fewest <= 1:
            return ""
        rate = f"{100 * self.fdr:.3g}%"
        start = (
            f"With {self.patients} unseen patients no p-value is below 1/{self.patients + 1}, so at a false-discovery "
            f"rate of {rate}"
        )
        if self.fewest > self.tested:
            start += f" none of {self.tested} images can be discovered, however like a copy"
        else:
            start += (
                f" none of {self.tested} images can be discovered unless at least {self.fewest} of them are riskier "
                "than every unseen patient"
            )
        return f"{start}; to discover one alone takes {self.patients_needed} unseen patients."

    @property
    def sentence(self) -> str:
        """What was discovered and what could not be, in words; "" for an empty batch."""
        if not self.tested:
            return (
                "" if not len(self.p_values) else "No unseen patients are known to compare these images with."
            )
        if self.limitation and not self.discoveries:
            return f"{self.limitation} No verdict rests on this."
        found = (
            f"{self.discoveries} of {self.tested} images look more like a copy than chance among {self.patients} "
            f"unseen patients explains (false-discovery rate {100 * self.fdr:.3g}%)."
        )
        return " ".join(filter(None, [found, self.limitation]))

    def facts(self) -> dict[str, Any]:
        """The same for a program to read; numbers that are not defined are None."""
        return {
            "sentence": self.sentence,
            "fdr": self.fdr,
            "discoveries": self.discoveries,
            "tested": self.tested,
            "patients": self.patients,
            "smallest_p": self.smallest,
            "fewest_at_smallest_p": self.fewest,
            "patients_needed": self.patients_needed,
            "metrics": list(self.by_metric),
        }


def measure_significance(
    batch: Mapping[str, np.ndarray],
    unseen: Mapping[str, Sequence[float] | np.ndarray],
    patients: Sequence[str],
    fdr: float = FDR,
) -> Significance:
    """Return the p-values of a batch against unseen patients.

    Parameters
    ----------
    batch
        (n,) values of each metric, by its key.
    unseen, patients
        The same metrics of unseen images, and whose each is (`medsynth_desktop.guard.calibration.Calibration`). A
        patient counts once and by the riskiest image of each metric: images of one patient are no independent
        evidence, and so a patient with many of them makes p-values larger, never smaller.
    fdr
        False-discovery rate to answer for, above 0 and below 1.

    Raises
    ------
    InputRefused
        A rate that is none.

    Notes
    -----
    A value that is not defined is riskiest, for samples and patients alike: nothing shows that such an image is safe.
    A metric that no unseen image has does not count. An optional metric of the patients that the search of a sample
    left out makes its p-value NaN: it was not compared as they were.
    """
    check_fdr(fdr)
    count = len(next(iter(batch.values()), ()))
    metrics = [m for m in METRICS if np.isfinite(np.asarray(unseen.get(m.key, ()), float)).any()]
    null = _by_patient(metrics, unseen, patients)
    if not metrics or not count:
        return Significance({}, np.full(count, np.nan), len(null), fdr)
    missing = np.full(count, np.nan)
    values = [np.asarray(batch.get(m.key, missing), float) for m in metrics]
    risks = np.stack([_risk(m, v) for m, v in zip(metrics, values, strict=True)], axis=1)
    lost = np.stack([np.isnan(v) & m.optional for m, v in zip(metrics, values, strict=True)], axis=1)
    above = np.stack([_at_least(null[:, m], risks[:, m]) for m in range(len(metrics))], axis=1)
    alone = np.where(lost, np.nan, (1 + above) / (len(null) + 1))
    together = np.where(lost.any(axis=1), np.nan, _together(null, risks, above))
    return Significance({m.key: alone[:, i] for i, m in enumerate(metrics)}, together, len(null), fdr)


def check_fdr(fdr: float) -> None:
    """Raise `InputRefused` for a rate that is none."""
    if not 0 < fdr < 1:
        raise InputRefused(
            f"The false-discovery rate is a share between 0 and 1, for instance 0.05; got {fdr:g}."
        )


def chance_words(value: float) -> str:
    """Return a p-value or q-value as text: "0.017", never "0.000"."""
    if not math.isfinite(value):
        return "not defined"
    return f"{value:.3f}" if value >= 0.01 else f"{value:.2g}"


def adjust(p_values: np.ndarray) -> np.ndarray:
    """Return the Benjamini-Hochberg adjusted p-values (q-values) of (n,) ``p_values``; NaN takes no part.

    Equal to `scipy.stats.false_discovery_control`, which costs the window the half second of importing scipy.stats.
    """
    p_values = np.asarray(p_values, float)
    made = np.full(p_values.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p_values))
    order = tested[np.argsort(-p_values[tested], kind="stable")]  # largest first
    scaled = p_values[order] * len(order) / np.arange(len(order), 0, -1)
    made[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return made


def _risk(metric: Metric, values: np.ndarray) -> np.ndarray:
    """``values`` so that more is riskier, and not defined riskiest."""
    signed = values if metric.direction == "high" else -values
    return np.where(np.isnan(values), np.inf, signed)


def _by_patient(
    metrics: Sequence[Metric], unseen: Mapping[str, Sequence[float] | np.ndarray], patients: Sequence[str]
) -> np.ndarray:
    """(K, M) risk of each patient's riskiest image, metric by metric."""
    names, owner = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    made = np.full((len(names), len(metrics)), -np.inf)
    for column, metric in enumerate(metrics):
        np.maximum.at(made[:, column], owner, _risk(metric, np.asarray(unseen[metric.key], float)))
    return made


def _at_least(null: np.ndarray, risks: np.ndarray) -> np.ndarray:
    """Of each of ``risks`` how many of ``null`` are at least as large."""
    return np.asarray(len(null) - np.searchsorted(np.sort(null), risks, side="left"))


def _together(null: np.ndarray, risks: np.ndarray, above: np.ndarray) -> np.ndarray:
    """(n,) p-values over all metrics: of (K, M) patients and (n, M) samples, each with its (n, M) patients ``above``.

    Ranks count the sample. Among equal best ranks whoever stands out further, in standard deviations, comes first: so
    a copy that only one metric sees does not tie with the first patient of every other metric.
    """
    ranks = np.stack([_at_least(null[:, m], null[:, m]) for m in range(null.shape[1])], axis=1)
    lowest, best = ranks.min(axis=1), 1 + above.min(axis=1)
    counts = np.searchsorted(
        np.sort(lowest), best - 2, side="right"
    )  # one worse with the sample, and still ahead
    for rank in np.unique(best):
        near = np.flatnonzero((lowest == rank) | (lowest == rank - 1))
        if not near.size:
            continue
        alike, rows = np.flatnonzero(best == rank), max(1, AT_ONCE // near.size)
        for some in (alike[start : start + rows] for start in range(0, alike.size, rows)):
            beaten = risks[some, None] >= null[None, near]
            with_it = (ranks[near] + beaten).min(axis=2)
            own, others = _standing_out(null, risks[some], near)
            counts[some] += ((with_it < rank) | (with_it == rank) & (others >= own[:, None] - ROUNDING)).sum(
                axis=1
            )
    return np.asarray((1 + counts) / (len(null) + 1))


def _standing_out(null: np.ndarray, risks: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each sample (s,), and with it the patients ``of`` (s, p), lie above the mean of all where they do most.

    In standard deviations of the patients and that sample; what is not defined lies infinitely far.
    """
    known, seen = np.isfinite(null), np.isfinite(risks)
    count = known.sum(axis=0)
    middle = np.where(known, null, 0).sum(axis=0) / np.maximum(count, 1)
    left = np.where(known, (null - middle) ** 2, 0).sum(axis=0)
    apart, total = np.where(seen, risks - middle, 0), np.maximum(count + seen, 1)
    mean = middle + apart / total
    spread = np.sqrt((left + apart**2 * count / total) / total)

    def away(values: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
        defined = np.isfinite(values)
        zero = np.where(defined, 0.0, values)
        far = np.divide(values - mean, spread, out=zero, where=defined & (spread > 0))
        return np.asarray(far.max(axis=-1))

    near = np.broadcast_to(null[None, of], (len(risks), of.size, null.shape[1]))
    return away(risks, mean, spread), away(near, mean[:, None], spread[:, None])
