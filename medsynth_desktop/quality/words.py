"""What was measured, in words: rows of a table, warnings, how it was made; for report, model card and command line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from medsynth_desktop.quality.record import Estimate, Estimates, Quality, Reconstruction

FEW_IMAGES = 20
"""Under this precision and recall move in steps of more than 5%, and pairs share few images."""
SPLITS = {"calibration": "unseen patients", "train": "training patients"}


@dataclass(frozen=True, slots=True)
class Row:
    """One measure: of the synthetic images, of real unseen ones in their place, and how to read the two."""

    name: str
    synthetic: str
    real: str
    reading: str


def quality_rows(found: Quality) -> list[Row]:
    """Rows of a table, one for each number that could be measured."""
    rows = [*_distances(found), *_shares(found)]
    if "synthetic" in found.ms_ssim:
        whose = (("calibration", "unseen images"), ("train", "training images"))
        real = [_varied(found.ms_ssim[key], words) for key, words in whose if key in found.ms_ssim]
        rows.append(
            Row(
                "MS-SSIM of pairs",
                _varied(found.ms_ssim["synthetic"]),
                "; ".join(real) or "not defined",
                "as near to the real ones as can be: above them images are too alike, below them too unlike",
            )
        )
    return rows


def _distances(found: Quality) -> list[Row]:
    rows = []
    whose = f"by {found.network.name}"
    if "train" in found.fid:
        rows.append(
            Row(f"FID {whose}, to the training images", told(found.fid["train"]), _floor(found.fid), LOW)
        )
    if (
        "train_equal" in found.fid
        and found.fid["train_equal"].counts != found.fid["train"].counts
        or ("floor_equal" in found.fid and found.fid["floor_equal"].counts != found.fid["floor"].counts)
    ):
        equal, floor = found.fid["train_equal"], found.fid["floor_equal"]
        name = f"FID {whose}, at {equal.counts[0]} images each"
        rows.append(Row(name, number(equal.value), number(floor.value), f"{LOW}; these two can be compared"))
    if "calibration" in found.fid:
        name = f"FID {whose}, to images of unseen patients"
        rows.append(Row(name, told(found.fid["calibration"]), "", "low"))
    if "train" in found.kid:
        name = f"KID x 1000 {whose}, to the training images"
        reading = f"{LOW}; 0 or below: no difference seen"
        rows.append(Row(name, told(found.kid["train"], 1000), _floor(found.kid, 1000), reading))
    return rows


LOW = "low, towards that of unseen patients"
SHARES = (
    ("precision", "Precision: synthetic images that look like training images"),
    ("recall", "Recall: training images that the synthetic ones cover"),
)


def _shares(found: Quality) -> list[Row]:
    return [
        Row(name, told(kind["train"]), _floor(kind), "high, towards that of unseen patients")
        for key, name in SHARES
        if "train" in (kind := getattr(found, key))
    ]


def _floor(kind: Estimates, scale: float = 1) -> str:
    return told(kind["floor"], scale) if "floor" in kind else "not defined"


def told(found: Estimate, scale: float = 1, counted: str = "") -> str:
    """A number with its interval and counts: ``0.031 (95% 0.02 to 0.05; 6 and 56 images)``."""
    low, high = (scale * end for end in found.interval)
    ends = f"95% {number(low)} to {number(high)}; " if math.isfinite(low) else ""
    counted = counted or f"{' and '.join(f'{count:,}' for count in found.counts)} images"
    return f"{number(scale * found.value)} ({ends}{counted})"


def _varied(found: Estimate, whose: str = "") -> str:
    images, pairs = found.counts
    return told(found, counted=f"{pairs:,} pairs of {images:,} {whose or 'images'}")


def number(value: float) -> str:
    """Four significant digits; ``not defined`` for NaN."""
    return f"{value:.4g}" if math.isfinite(value) else "not defined"


def warnings(found: Quality) -> tuple[str, ...]:
    """What speaks against trusting the numbers, in sentences."""
    drawn, train, unseen = (found.images[key] for key in ("synthetic", "train", "calibration"))
    network = found.network
    told_: list[str] = []
    if not network.length:
        told_.append(f"FID, KID, precision and recall were not computed: {network.lacking}")
    elif min(drawn, train, unseen) <= network.length:
        told_.append(
            f"FID rests on {drawn} synthetic, {train} training and {unseen} unseen images of {network.length} features "
            "each: its covariances are singular and its value is biased upwards, so compare the two at equal numbers "
            "of images, or KID, which is not biased; never numbers of other networks or other counts."
        )
    if network.caution:
        told_.append(network.caution)
    if drawn < FEW_IMAGES:
        told_.append(
            f"{drawn} synthetic images are few: draw {FEW_IMAGES} or more before you compare models by these numbers."
        )
    if unseen < FEW_IMAGES:
        told_.append(f"{unseen} unseen images are few: what real images reach is known only roughly.")
    return tuple(told_)


def method(found: Quality) -> tuple[str, ...]:
    """How the numbers were made, in sentences."""
    scales, network = found.scales, found.network
    made = []
    if network.length:
        made.append(
            f"Features: {network.name} ({network.fingerprint[:12]}), {network.length} numbers an image, brought to "
            f"length 1. FID: Heusel et al. 2017. KID: Binkowski et al. 2018. Precision and recall: {found.neighbours} "
            "nearest neighbours of other patients (Kynkaanniemi et al. 2019)."
        )
    weights = ", ".join(f"{weight:.4g}" for weight in scales.weights)
    made.append(
        f"MS-SSIM: up to {found.pairs:,} random pairs of different patients, intensities in 0 to 1, a Gaussian window "
        f"of {scales.kernel} voxels (standard deviation {scales.sigma:g}), {len(scales.weights)} scales (weights "
        f"{weights}); comparable only with numbers made alike."
    )
    made.append(
        "Intervals: 95%, bootstrap over whole patients and over synthetic images; FID's tells the scatter at these "
        f"counts. Seed {found.seed}."
    )
    return tuple(made)


def reconstruction_rows(found: Reconstruction) -> list[tuple[str, str]]:
    """Names and values of a reconstruction."""
    units = (("psnr", "PSNR", " dB"), ("ssim", "SSIM", ""))
    return [
        (f"Reconstruction {name}{unit}, {SPLITS[split]}", told(kind[split]))
        for key, name, unit in units
        for split in SPLITS
        if split in (kind := getattr(found, key))
    ]


def card_rows(quality: Quality | None, reconstruction: Reconstruction | None) -> list[tuple[str, str]]:
    """Rows of a model card: what was measured of a model's samples and of its autoencoder; none where nothing was."""
    rows = reconstruction_rows(reconstruction) if reconstruction is not None else []
    if quality is None:
        return rows
    for row in quality_rows(quality):
        real = f"; real: {row.real}" if row.real else ""
        rows.append((row.name, f"{row.synthetic}{real}"))
    return [*rows, ("Quality, how made", " ".join((*method(quality), *warnings(quality))))]


def quality_section(found: Quality, reconstruction: Reconstruction | None = None) -> str:
    """HTML of the quality of a batch for the audit's page, all words escaped."""
    heads = ("Measure", "Synthetic", "Unseen real patients in their place", "Wanted")
    rows = [
        heads_row(heads),
        *(_cells((r.name, r.synthetic, r.real, r.reading)) for r in quality_rows(found)),
    ]
    if reconstruction is not None:
        rows += [_cells((name, value, "", "high")) for name, value in reconstruction_rows(reconstruction)]
    notes = f'<p class="note">{escape(" ".join(method(found)))}</p>'
    return f"<h2>Quality of the images</h2>{_items(warnings(found))}<table>{''.join(rows)}</table>{notes}"


def heads_row(words: Sequence[str]) -> str:
    """Head of a table."""
    return f"<tr>{''.join(f'<th>{escape(word)}</th>' for word in words)}</tr>"


def _cells(words: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<td>{escape(word)}</td>' for word in words)}</tr>"


def _items(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(s)}</li>' for s in sentences)}</ul>" if sentences else ""
