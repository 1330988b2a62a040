"""How well an attack tells the patients a model learnt from, from patients it never saw: numbers and what they mean.

An attack gives every image a score, high for "was in the training". What is reported of it: the area under the ROC
curve (0.5: guessing, 1: every training image is told from every unseen one), and the share of training images that are
recognised while only few unseen ones are accused (Carlini et al. 2022, Membership Inference Attacks From First
Principles: an attack that is sure of a few patients is worse for them than its area tells).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.wilson import wilson_interval
from medsynth_desktop.guard.bootstrap import patient_draws, percentile_ends

FALSE_POSITIVES = (0.01, 0.001)
RESAMPLES = 1000
FEW_PATIENTS = 20
"""With fewer patients on a side an area under the curve says little."""
FEW_FALSE_POSITIVES = 10
"""A rate read from fewer unseen patients than this beyond the threshold moves far with each of them."""
NOTICED, STRONG = 0.6, 0.8
"""Areas from which an attack is called noticeable and strong: four of ten pairs told wrongly, and two of ten."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class HitRate:
    """Share of training images recognised (``hits``) while at most ``false`` of the unseen ones are accused.

    NaN, with the reason in ``distrust``, where there are too few unseen patients to measure it.
    """

    false: float
    hits: float
    interval: Interval
    distrust: str = ""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack: area under the curve with its interval, and hit rates at few false positives."""

    key: str
    auc: float
    interval: Interval
    rates: tuple[HitRate, ...]

    @property
    def label(self) -> str:
        """Name for the report."""
        return LABELS[self.key]

    @property
    def level(self) -> str:
        """``none`` where the interval reaches 0.5 or lies below it, else ``slight``, ``noticeable`` or ``strong``."""
        if not self.interval[0] > 0.5:
            return "none"
        return "strong" if self.auc >= STRONG else "noticeable" if self.auc >= NOTICED else "slight"


LABELS = {
    "loss": "Loss attack: the model denoises images that it learnt from better than others",
    "neighbourhood": "Neighbourhood attack: it denoises them better than the same image shifted a little",
}
LEVELS = ("none", "slight", "noticeable", "strong")


@dataclass(frozen=True, slots=True)
class Membership:
    """What the attacks on one model found.

    Attributes
    ----------
    attacks
        One or more.
    images, patients
        Training images and unseen images that were tested, and their patients.
    available
        Training and unseen images that there are; where more than were tested, these were drawn by ``seed``.
    seed, levels, draws
        Of the draw and of the noise: see `medsynth_desktop.training.denoising.Probe`.
    """

    attacks: tuple[Attack, ...]
    images: tuple[int, int]
    patients: tuple[int, int]
    available: tuple[int, int]
    seed: int
    levels: tuple[float, ...]
    draws: int

    @property
    def distrust(self) -> str:
        """Why the areas cannot be trusted; empty where nothing speaks against them."""
        if min(self.patients) >= FEW_PATIENTS:
            return ""
        members, strangers = self.patients
        return (
            f"With {members} training and {strangers} unseen patients these areas cannot be trusted: an attack needs "
            f"at least {FEW_PATIENTS} of each."
        )

    @property
    def level(self) -> str:
        """The strongest attack's level; ``unknown`` where the numbers cannot be trusted."""
        if self.distrust:
            return "unknown"
        return max((attack.level for attack in self.attacks), key=LEVELS.index, default="unknown")

    def to_json(self) -> dict[str, Any]:
        """The numbers for a program to read; what is not defined is None."""
        document = asdict(self)
        for attack, facts in zip(self.attacks, document["attacks"], strict=True):
            facts |= {"label": attack.label, "level": attack.level}
            for rate in facts["rates"]:
                if not math.isfinite(rate["hits"]):
                    rate |= {"hits": None, "interval": None}
        return {**document, "level": self.level, "distrust": self.distrust}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Membership:
        """Return what `to_json` wrote.

        Raises
        ------
        InputRefused
            When ``document`` is none.
        """
        try:
            attacks = tuple(
                Attack(a["key"], float(a["auc"]), _pair(a["interval"]), tuple(map(_rate, a["rates"])))
                for a in document["attacks"]
            )
            if any(attack.key not in LABELS for attack in attacks):
                raise ValueError
            images, patients, available = (
                (int(document[key][0]), int(document[key][1])) for key in ("images", "patients", "available")
            )
            levels, draws = tuple(map(float, document["levels"])), int(document["draws"])
            return cls(attacks, images, patients, available, int(document["seed"]), levels, draws)
        except (KeyError, TypeError, ValueError, IndexError):
            raise InputRefused("The stored membership test cannot be read; run it again.") from None


def measure_attack(
    key: str,
    members: tuple[np.ndarray, Sequence[str]],
    strangers: tuple[np.ndarray, Sequence[str]],
    generator: np.random.Generator,
) -> Attack:
    """Measure an attack from its scores.

    Parameters
    ----------
    key
        Of `LABELS`.
    members, strangers
        Scores (n,) of training images and of unseen ones, high for "was in the training", with their patients.
    generator
        Draws the bootstrap: whole patients on either side.
    """
    (inside, owners), (outside, others) = members, strangers
    draws = [patient_draws(names, RESAMPLES, generator) for names in (owners, others)]
    wins = (inside[:, None] > outside) + 0.5 * (inside[:, None] == outside)
    auc = float(wins.mean())
    resampled = ((draws[0] @ wins) * draws[1]).sum(1) / (draws[0].sum(1) * draws[1].sum(1))
    interval = percentile_ends(resampled)
    if (
        interval[0] == interval[1]
    ):  # all told apart, or none: resamples cannot show how few patients that rests on
        fewer = min(len(set(owners)), len(set(others)))
        interval = wilson_interval(round(auc * fewer), fewer)
    rates = tuple(_hit_rate(false, inside, outside, owners, others, draws) for false in FALSE_POSITIVES)
    return Attack(key, auc, interval, rates)


def _hit_rate(
    false: float,
    inside: np.ndarray,
    outside: np.ndarray,
    owners: Sequence[str],
    others: Sequence[str],
    draws: list[np.ndarray],
) -> HitRate:
    known = len(set(others))
    needed = math.ceil(1 / false - 1e-9)
    if known < needed:
        return HitRate(
            false,
            math.nan,
            (math.nan, math.nan),
            f"With {known} unseen patients a false-positive rate of {100 * false:g}% cannot be measured; it needs "
            f"{needed}.",
        )
    hits = inside > _limit(outside, np.ones(len(outside)), false)
    found = [
        weights @ (inside > _limit(outside, against, false)) / weights.sum()
        for weights, against in zip(*draws, strict=True)
    ]
    low, high = percentile_ends(np.array(found))
    share = float(hits.mean())
    patients = len(set(owners))
    sure = wilson_interval(round(share * patients), patients)
    few = int(false * known + 1e-9)
    distrust = (
        f"It rests on {few} of {known} unseen patients and would move far with each of them."
        if few < FEW_FALSE_POSITIVES
        else ""
    )
    return HitRate(false, share, (min(low, sure[0]), max(high, sure[1])), distrust)


def _limit(outside: np.ndarray, weights: np.ndarray, false: float) -> float:
    """The smallest unseen score that at most ``false`` of the weight lies strictly above."""
    order = np.argsort(-outside, kind="stable")
    above = weights[order].cumsum()
    allowed = false * above[-1] + 1e-9
    return float(outside[order][min(int((above <= allowed).sum()), len(order) - 1)])


def _rate(facts: Mapping[str, Any]) -> HitRate:
    hits = math.nan if facts["hits"] is None else float(facts["hits"])
    interval = (math.nan, math.nan) if facts["interval"] is None else _pair(facts["interval"])
    return HitRate(float(facts["false"]), hits, interval, str(facts["distrust"]))


def _pair(values: Sequence[float]) -> Interval:
    low, high = values
    return float(low), float(high)
