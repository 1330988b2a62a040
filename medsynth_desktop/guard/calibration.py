"""Thresholds from patients that the model never saw.

The images of the calibration split are compared with the training split exactly as a synthetic image is. How
near an innocent image comes by chance is what their values tell; a threshold is a quantile of them, never a
typed constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord, Nearest, Policy, Threshold
from medsynth_desktop.guard.bootstrap import bootstrap_interval
from medsynth_desktop.guard.cautions import copies_left_out, in_disguise, too_few
from medsynth_desktop.guard.policy import make_policy
from medsynth_desktop.guard.verdicts import is_copy, metrics_table
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.base import Metric, Search

QUANTILE = 0.983
"""Share of innocent images that shall pass: the filter of Melacini, memorization in 3D LDMs of head CT."""
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Calibration:
    """What unseen patients look like to the guard.

    Attributes
    ----------
    quantile, seed, resamples
        As asked.
    thresholds
        One for each metric that is defined on the unseen images.
    images, patients
        Pseudonyms, one entry for each unseen image that counts.
    values
        By metric key, one value for each of ``images`` (NaN where it is not defined): for the plots.
    train_images
        Number of real images that were searched.
    false_blocks
        Share of unseen images that limits from the OTHER unseen patients would block, by any metric: what the limits
        cost an innocent image, all metrics together. NaN with one patient.
    warnings
        Sentences to show wherever the thresholds are shown.
    through
        What was done to the unseen images before they were compared; "" for nothing.
    sigma, copies, caught, doubt
        Of limits matched to a model's softness (`medsynth_desktop.guard.matched`): the blur in voxels, how many
        training images were blurred alike, how many of them the limits catch, and what to hold against every sample
        where that is too few; else 0 and "".
    no_softer
        Whether a model's samples were measured and found no softer than the unseen images.
    evidence
        Fingerprint of the search that measured the values; limits of another one are not comparable.
    """

    quantile: float
    seed: int
    resamples: int
    thresholds: tuple[Threshold, ...]
    images: tuple[str, ...]
    patients: tuple[str, ...]
    values: Mapping[str, tuple[float, ...]]
    train_images: int
    false_blocks: float = math.nan
    warnings: tuple[str, ...] = ()
    through: str = ""
    sigma: float = 0.0
    copies: int = 0
    caught: int = 0
    doubt: str = ""
    no_softer: bool = False
    evidence: str = ""

    def policy(self, cohort_hash: str, bundle_hash: str = "") -> Policy:
        """Return the policy that these thresholds make.

        Beyond the quantile of unseen images an image is blocked. Between the innocent edge of that
        quantile's bootstrap interval (where the limit might as well lie, had other patients been drawn) and
        the quantile a person looks.
        """
        return make_policy(cohort_hash, self.thresholds, bundle_hash, self.doubt)

    def to_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes; NaN becomes None."""
        document = asdict(self)
        document["false_blocks"] = self.false_blocks if math.isfinite(self.false_blocks) else None
        document["values"] = {
            key: [value if math.isfinite(value) else None for value in values]
            for key, values in self.values.items()
        }
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Calibration:
        """Return the calibration that `to_json` wrote.

        Raises
        ------
        InputRefused
            When ``document`` is none.
        """
        try:
            facts = dict(document)
            for name in ("images", "patients", "warnings"):
                facts[name] = tuple(facts[name])
            facts["thresholds"] = tuple(
                Threshold(**{**t, "interval": tuple(t["interval"]) if t["interval"] else None})
                for t in facts["thresholds"]
            )
            facts["false_blocks"] = (
                math.nan if facts["false_blocks"] is None else float(facts["false_blocks"])
            )
            facts["values"] = {
                key: tuple(math.nan if value is None else float(value) for value in values)
                for key, values in facts["values"].items()
            }
            return cls(**facts)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputRefused("The stored calibration cannot be read; calibrate the cohort again.") from None


def calibrate(
    search: Search,
    images: Sequence[np.ndarray] | np.ndarray,
    records: Sequence[ImageRecord],
    *,
    quantile: float = QUANTILE,
    seed: int = 0,
    resamples: int = RESAMPLES,
    through: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Steps[Calibration]:
    """Compare unseen images with the training split and propose a threshold for every metric.

    Parameters
    ----------
    search
        Over the split that the model was trained on.
    images, records
        Images of other patients on the same grid.
    quantile
        Share of innocent images that stay on the safe side of a block limit, 0.5 to below 1: the
        ``quantile`` of a metric whose high side is risky, the ``1 - quantile`` of one whose low side is
        (linear interpolation). A metric that may spend a part of the false blocks only
        (`medsynth_desktop.similarity.base.Metric.share`) has its limit further out; its threshold says at which.
    seed
        Of the bootstrap, which draws whole patients, since images of one patient resemble each other.
    through
        What is done to every unseen image first, for instance a model's encoder and decoder, or the blur of
        `medsynth_desktop.guard.sharpness.match_softness`: so that an unseen image is as soft as a synthetic one. Its
        name (else its ``str``) is recorded.

    Raises
    ------
    InputRefused
        No unseen image, a patient in both splits, or a senseless quantile.
    """
    _check(search.records, records, quantile)
    queries = []
    for record, image in zip(records, images, strict=True):
        queries.append((record.id, through(image) if through else image))
        if through:
            yield Progress(len(queries), len(records), "Preparing unseen images")
    found = yield from search.query(queries)
    made = thresholds_from(found, records, len(search.records), quantile, seed, resamples)
    words = (getattr(through, "__name__", "") or str(through)) if through else ""
    return replace(made, through=words, evidence=search.fingerprint)


def thresholds_from(
    found: Sequence[Nearest],
    records: Sequence[ImageRecord],
    train_images: int,
    quantile: float = QUANTILE,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Calibration:
    """Make the calibration of unseen images whose nearest training images are already ``found``."""
    table = metrics_table(found)
    copies = is_copy(table["rmse"], table["correlation"])
    sure, maybe = in_disguise({key: values[~copies] for key, values in table.items()})
    innocent = ~copies
    innocent[innocent] = ~sure
    kept = [record for record, keep in zip(records, innocent, strict=True) if keep]
    if not kept:
        raise InputRefused(
            "Every unseen image is a copy of a training image; the cohort's split is worthless."
        )
    table = {key: values[innocent] for key, values in table.items()}
    patients = [record.patient for record in kept]
    thresholds, warnings = [], copies_left_out(int(copies.sum()), int(sure.sum()), int(maybe.sum()))
    warnings += too_few(len(set(patients)), quantile)
    for metric in METRICS:
        if metric.key not in table:
            continue
        threshold, warning = _threshold(metric, table[metric.key], patients, quantile, seed, resamples)
        thresholds += [threshold] if threshold else []
        warnings += [warning] if warning else []
    return Calibration(
        quantile,
        seed,
        resamples,
        tuple(thresholds),
        tuple(record.id for record in kept),
        tuple(patients),
        {key: tuple(values.tolist()) for key, values in table.items()},
        train_images,
        share_blocked(table, patients, quantile),
        tuple(warnings),
    )


def share_blocked(
    table: Mapping[str, np.ndarray],
    patients: Sequence[str],
    quantile: float,
    metrics: Iterable[Metric] = METRICS,
) -> float:
    """Return the share of images that the limits of all OTHER patients block, by any of ``metrics`` (leave one out).

    ``table`` has (n,) values by metric, ``patients`` n entries.
    """
    owners = np.asarray(patients)
    names = np.unique(owners)
    if len(names) < 2:
        return math.nan
    blocked = np.zeros(len(owners), bool)
    for metric in (m for m in metrics if m.key in table):
        sign = 1 if metric.direction == "high" else -1
        values, limit = sign * table[metric.key], metric.quantile(quantile)
        for name in names:
            own = owners == name
            others = values[~own & np.isfinite(values)]
            blocked[own] |= bool(others.size) and values[own] > np.quantile(others, limit)
    return float(blocked.mean())


def _threshold(
    metric: Metric, values: np.ndarray, patients: Sequence[str], quantile: float, seed: int, resamples: int
) -> tuple[Threshold | None, str]:
    defined = np.isfinite(values)
    values, owners = values[defined], [p for p, keep in zip(patients, defined, strict=True) if keep]
    if not values.size:
        return None, f"{metric.label} is not defined {metric.undefined}".rstrip() + "; it has no limit."
    high = metric.direction == "high"
    quantile = metric.quantile(quantile)
    share = quantile if high else 1 - quantile
    limit = float(np.quantile(values, share))
    # A generator for each metric, so that a metric added later moves no other metric's interval.
    generator = np.random.default_rng([seed, *metric.key.encode()])
    low_end, high_end = bootstrap_interval(values, owners, share, resamples, generator)
    review = min(low_end, limit) if high else max(high_end, limit)
    threshold = Threshold(
        metric.key, review, limit, "calibrated", (low_end, high_end), int(values.size), quantile
    )
    lost = int((~defined).sum())
    return threshold, f"{metric.label} is not defined for {lost} unseen images." if lost else ""


def _check(train: Sequence[ImageRecord], unseen: Sequence[ImageRecord], quantile: float) -> None:
    if not 0.5 <= quantile < 1:
        raise InputRefused(
            f"The quantile is a share from 0.5 to below 1, for instance 0.983; got {quantile:g}."
        )
    if not unseen:
        raise InputRefused(
            "The cohort has no calibration patients; import it with a larger calibration share."
        )
    both = {record.patient for record in train} & {record.patient for record in unseen}
    if both:
        raise InputRefused(
            f"{len(both)} patients are in both the training and the calibration split, so their images are "
            "not unseen; import the cohort again."
        )
