"""Measure a batch against the real images of a cohort, and an autoencoder against both of its splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.guard.bootstrap import patient_draws, percentile_ends
from medsynth_desktop.quality import frechet, kernel, manifold, structure
from medsynth_desktop.quality.record import UNKNOWN, Estimate, Network, Quality, Reconstruction

SYNTHETIC, TRAIN, UNSEEN, FLOOR = "synthetic", "train", "calibration", "floor"
RESAMPLES = 1000


@dataclass(frozen=True)
class Side:
    """Images of one kind, read one by one; whose each is; and (n, L) rows of features of length 1, or None."""

    images: Sequence[np.ndarray]
    owners: tuple[str, ...]
    rows: np.ndarray | None = None


class Reconstructing(Protocol):
    """What `medsynth_desktop.bundles.Bundle` is, seen from here."""

    def reconstruct(self, image: np.ndarray) -> np.ndarray:
        """One image in [-1, 1], encoded and decoded."""


def measure_quality(
    sides: Mapping[str, Side], network: Network, *, pairs: int, seed: int, device: str = "cpu"
) -> Steps[Quality]:
    """Measure what the images and the features allow.

    Parameters
    ----------
    sides
        ``synthetic``, ``train`` and ``calibration``; each synthetic image is its own owner. With rows, where
        ``network`` gave any.
    pairs
        Pairs of each side behind MS-SSIM, at most.
    seed
        Of pairs, subsets and resamples.
    device
        Of torch, for MS-SSIM; float32 sums may differ there in the last digits.
    """
    generator = np.random.default_rng(seed)
    scales = structure.scales_for(tuple(np.shape(sides[SYNTHETIC].images[0])))
    varied = {}
    for name, side in sides.items():
        varied[name] = yield from _variety(side, name, scales, pairs, generator, device)
    fid: dict[str, Estimate] = {}
    kid: dict[str, Estimate] = {}
    shares: tuple[dict[str, Estimate], dict[str, Estimate]] = ({}, {})
    if network.length:
        fid = yield from _frechet(sides, generator)
        kid = _kernel(sides, generator)
        yield Progress(0, 0, "Comparing neighbourhoods of features")
        shares = _manifolds(sides, generator)
    return Quality(
        images={name: len(side.images) for name, side in sides.items()},
        patients={name: len(set(sides[name].owners)) for name in (TRAIN, UNSEEN)},
        network=network,
        scales=scales,
        pairs=pairs,
        neighbours=manifold.NEIGHBOURS,
        seed=seed,
        fid=fid,
        kid=kid,
        precision=shares[0],
        recall=shares[1],
        ms_ssim={name: found for name, found in varied.items() if found is not None},
    )


WHOSE = {SYNTHETIC: "synthetic images", TRAIN: "training images", UNSEEN: "unseen images"}


def _variety(
    side: Side,
    name: str,
    scales: structure.Scales,
    most: int,
    generator: np.random.Generator,
    device: str,
) -> Steps[Estimate | None]:
    drawn = structure.draw_pairs(side.owners, most, generator)
    if not len(drawn):
        return None
    values = yield from structure.compare_pairs(side.images, drawn, scales, device, WHOSE[name])
    interval = structure.pairs_interval(values, drawn, side.owners, generator)
    return Estimate(float(values.mean()), interval, (len(side.images), len(drawn)))


COMPARED = {TRAIN: (SYNTHETIC, TRAIN), UNSEEN: (SYNTHETIC, UNSEEN), FLOOR: (UNSEEN, TRAIN)}
"""Which sides each number compares: images first, what they are held against second."""


def _frechet(sides: Mapping[str, Side], generator: np.random.Generator) -> Steps[dict[str, Estimate]]:
    found = {}
    for key, (one, other) in COMPARED.items():
        a, b = _rows(sides[one]), _rows(sides[other])
        if min(len(a), len(b)) < 2:
            continue
        whose = (sides[one].owners, sides[other].owners)
        message = f"the distance of {WHOSE[one]} and {WHOSE[other]}"
        interval = yield from frechet.frechet_interval(a, b, whose, generator, message=message)
        found[key] = Estimate(frechet.frechet_distance(a, b), interval, (len(a), len(b)))
    if {TRAIN, FLOOR} <= found.keys():
        count, train = min(found[TRAIN].counts[0], found[FLOOR].counts[0]), _rows(sides[TRAIN])
        for key in (TRAIN, FLOOR):
            value = frechet.frechet_at(count, _rows(sides[COMPARED[key][0]]), train, generator)
            found[f"{key}_equal"] = Estimate(value, UNKNOWN, (count, len(train)))
    return found


def _kernel(sides: Mapping[str, Side], generator: np.random.Generator) -> dict[str, Estimate]:
    found = {}
    for key, (one, other) in COMPARED.items():
        a, b = sides[one], sides[other]
        if min(len(set(a.owners)), len(set(b.owners))) < 2:
            continue
        value = kernel.kernel_distance(_rows(a), _rows(b), (a.owners, b.owners), generator)
        found[key] = Estimate(*value, (len(a.images), len(b.images)))
    return found


def _manifolds(
    sides: Mapping[str, Side], generator: np.random.Generator
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Precision and recall of the batch, and of the unseen patients, against the training images."""
    precision: dict[str, Estimate] = {}
    recall: dict[str, Estimate] = {}
    for key in (TRAIN, FLOOR):
        a, b = (sides[name] for name in COMPARED[key])
        if min(_apart(a), _apart(b)) < manifold.NEIGHBOURS:
            continue
        counts = (len(a.images), len(b.images))
        for kept, points, real in ((precision, a, b), (recall, b, a)):
            inside = manifold.within_manifold(_rows(points), _rows(real), real.owners)
            kept[key] = Estimate(*manifold.share_within(inside, points.owners, generator), counts)
    return precision, recall


def _apart(side: Side) -> int:
    """Images of other patients that every image of the side has at least."""
    counts = np.unique(np.asarray(side.owners), return_counts=True)[1]
    return len(side.owners) - int(counts.max(initial=0))


def _rows(side: Side) -> np.ndarray:
    assert side.rows is not None
    return side.rows


def measure_reconstruction(
    bundle: Reconstructing, sides: Mapping[str, Side], *, most: int, seed: int, device: str = "cpu"
) -> Steps[Reconstruction]:
    """PSNR and SSIM of images of ``train`` and ``calibration`` against what the autoencoder gives back of them.

    Parameters
    ----------
    most
        Images of either side, at most; drawn by ``seed`` where there are more.
    """
    began = perf_counter()
    generator = np.random.default_rng(seed)
    psnr: dict[str, Estimate] = {}
    ssim: dict[str, Estimate] = {}
    patients = {}
    size = structure.ssim_kernel(tuple(np.shape(next(iter(sides.values())).images[0])))
    for name, side in sides.items():
        chosen = np.sort(generator.permutation(len(side.images))[:most])
        owners = [side.owners[i] for i in chosen]
        found = []
        for number, index in enumerate(chosen, 1):
            image = np.asarray(side.images[index])
            found.append(structure.fidelity(image, bundle.reconstruct(image), size, device))
            yield Progress(number, len(chosen), f"Reconstructing {WHOSE[name]}")
        draws = patient_draws(owners, RESAMPLES, generator)
        for kept, values in zip((psnr, ssim), np.array(found).T, strict=True):
            spread = percentile_ends(draws @ values / draws.sum(axis=1)) if len(set(owners)) > 1 else UNKNOWN
            kept[name] = Estimate(float(values.mean()), spread, (len(chosen),))
        patients[name] = len(set(owners))
    return Reconstruction(psnr, ssim, patients, size, seed, round(perf_counter() - began, 2))
