"""How well networks recognise patients that they never saw: AUC of verification, precision of retrieval, intervals.

Both as Packhaeuser et al. report them: verification by the area under the ROC curve over pairs of images, retrieval by
how often the nearest other image shows the same patient (precision@1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.core.wilson import wilson_interval
from medsynth_desktop.networks.recogniser import Recogniser
from medsynth_desktop.training.checkpoint import step_generator
from medsynth_desktop.training.disguises import Disguises, disguise

MOST = 400
"""Images compared each with each: their pairs are then 160,000."""
RESAMPLES = 500
REPEATS, COPIES = "different images of one patient", "images and disguised copies of them"


@dataclass(frozen=True, slots=True)
class Recognition:
    """How well unseen patients are recognised.

    Attributes
    ----------
    pairs
        What a pair of one patient is: different images, or an image and a disguised copy of the whole of it.
    patients, images
        How many were compared; of ``patients`` ``asked`` have a pair.
    auc, auc_interval
        Area under the ROC curve of P(same patient), with the 95% interval of a bootstrap over patients.
    retrieval_auc
        The same of the cosine of embeddings.
    precision, precision_interval
        Share of images whose nearest other one shows the same patient, each patient counting once, with Wilson's 95%
        interval for as many patients.
    """

    pairs: str
    patients: int
    asked: int
    images: int
    auc: float
    auc_interval: tuple[float, float]
    retrieval_auc: float
    precision: float
    precision_interval: tuple[float, float]


def recognise(
    recogniser: Recogniser,
    images: Sequence[np.ndarray] | np.ndarray,
    records: Sequence[ImageRecord],
    how: Disguises | None = None,
    seed: int = 0,
) -> Steps[tuple[Recognition, ...]]:
    """Measure on images of patients that were not trained on; nothing for fewer than two patients.

    Where two patients or more have several images, their pairs come first; disguised copies are always measured.
    """
    chosen = _chosen([record.patient for record in records], seed)
    owners = np.array([records[i].patient for i in chosen])
    if len(set(owners.tolist())) < 2:
        return ()
    still, copies = np.empty((2, len(chosen), recogniser.features), np.float32)
    whole = replace(how or Disguises(), part=0.0)
    for row, index in enumerate(chosen):
        image = np.asarray(images[index], np.float32)
        generator = step_generator(seed, index)
        copy, _ = disguise(torch.from_numpy(image.copy())[None, None], generator, whole)
        still[row], copies[row] = recogniser.embed([image, copy[0, 0].numpy()])
        yield Progress(row + 1, len(chosen), "Trying the recognition on unseen patients")
    found = []
    again = np.array([(owners == owner).sum() > 1 for owner in owners])
    if len(set(owners[again].tolist())) > 1:
        apart = ~np.eye(len(owners), dtype=bool)
        found.append(_measured(recogniser, REPEATS, still, still, owners, apart, seed))
    everything = np.ones((len(owners), len(owners)), bool)
    found.append(_measured(recogniser, COPIES, copies, still, owners, everything, seed))
    return tuple(found)


def auc_of(values: np.ndarray, same: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Probability that a pair of one patient (``same``) has a higher value than one of two; ties count half.

    ``values``, ``same`` and ``weights`` have one entry for each pair; NaN where one kind is missing.
    """
    _, place = np.unique(values, return_inverse=True)
    return _area(place, same, np.ones(len(place)) if weights is None else weights)


def _area(place: np.ndarray, same: np.ndarray, weights: np.ndarray) -> float:
    """`auc_of` for values that are ranks."""
    right = np.bincount(place, weights * same)
    wrong = np.bincount(place, weights * ~same)
    total = right.sum() * wrong.sum()
    below = wrong.cumsum() - wrong / 2
    return float((right * below).sum() / total) if total > 0 else math.nan


def _chosen(owners: Sequence[str], seed: int) -> list[int]:
    """Indices of at most `MOST` images: whole patients, drawn at random."""
    patients = sorted(set(owners))
    order = np.random.default_rng(seed).permutation(len(patients))
    kept: list[int] = []
    for patient in (patients[i] for i in order):
        kept += [i for i, owner in enumerate(owners) if owner == patient][: MOST - len(kept)]
    return sorted(kept)


def _measured(
    recogniser: Recogniser,
    pairs: str,
    queries: np.ndarray,
    gallery: np.ndarray,
    owners: np.ndarray,
    allowed: np.ndarray,
    seed: int,
) -> Recognition:
    """Compare each query with each image of the gallery that is ``allowed`` for it."""
    cosine = queries.astype(np.float64) @ gallery.T.astype(np.float64)
    odds = np.stack([recogniser.same(query, gallery) for query in queries])
    same = owners[:, None] == owners[None]
    asked = (same & allowed).any(1)
    nearest = np.where(allowed, cosine, -np.inf).argmax(1)
    names, owner = np.unique(owners, return_inverse=True)
    mine = [same[i, nearest[i]] for i in range(len(owners))]
    rates = [np.mean([mine[i] for i in np.flatnonzero((owner == p) & asked)]) for p in set(owner[asked])]
    precision = float(np.mean(rates))
    one, other = np.nonzero(allowed)
    flat, kind = odds[allowed], same[allowed]
    generator = np.random.default_rng([seed, len(owners)])
    _, place = np.unique(flat, return_inverse=True)
    drawn = []
    for _ in range(RESAMPLES):
        times = generator.multinomial(len(names), np.full(len(names), 1 / len(names)))[owner].astype(float)
        weights = np.where(kind, times[one], times[one] * times[other])
        drawn.append(_area(place, kind, weights))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Recognition(
        pairs, len(names), len(rates), len(owners), auc_of(flat, kind), (float(low), float(high)),
        auc_of(cosine[allowed], kind), precision, wilson_interval(precision * len(rates), len(rates)),
    )  # fmt: skip
