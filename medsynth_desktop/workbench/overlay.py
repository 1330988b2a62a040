"""A copy in disguise made visible: the real image laid over the sample as the search found it, without Qt.

What the pair view shows of a disguise is made here: the transform undone, the difference that is left, the region that
is alike, and the sentence for the officer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.records import Disguise, Nearest, Policy
from medsynth_desktop.guard.verdicts import BLOCK, PASS, REVIEW
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.base import Metric
from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.words import FAINT, copy_words, is_faint, is_firm

AIR = -1.0
"""What a real image shows beyond its borders."""
LEAST_SEEN = 16
"""Voxels below which no number is told of what two images share."""
MATCHED_GAIN, MATCHED_OFFSET = 0.05, 0.05
"""Changes of contrast and brightness (of [-1, 1]) that are worth a word."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The disguise that says most about a sample, and the metric that it speaks through.

    ``code`` is 0 within its limits, 1 between them, 2 beyond; ``whole`` tells a copy of all from a copy of a part.
    """

    metric: Metric
    value: float
    disguise: Disguise
    code: int
    whole: bool


def finding(nearest: Nearest | None, policy: Policy | None) -> Finding | None:
    """The disguise that is worst by its limit, of equal ones that of the whole image; None where none was looked for.

    Any registered metric whose `Metric.neighbour` is a `Disguise` takes part.
    """
    limits = {t.metric: t for t in policy.thresholds} if policy is not None else {}
    best: tuple[tuple[int, bool, float], Finding] | None = None
    for metric in METRICS if nearest is not None else ():
        assert nearest is not None
        disguise, value = metric.neighbour(nearest), float(metric(nearest))
        if not isinstance(disguise, Disguise) or not math.isfinite(value):
            continue
        limit, code = limits.get(metric.key), PASS
        if limit is not None:
            code = BLOCK if metric.beyond(value, limit.block) else code
            code = code or (REVIEW if metric.beyond(value, limit.review) else code)
        sign = 1 if metric.direction == "high" else -1
        whole = abs(value - disguise.whole) <= abs(value - disguise.part)
        rank = (code, whole, sign * (value - (limit.block if limit is not None else 0.0)))
        if best is None or rank > best[0]:
            best = rank, Finding(metric, value, disguise, code, whole)
    return best[1] if best is not None else None


def explain_words(found: Finding | None, unseen: Mapping[str, np.ndarray]) -> str:
    """Say what was found and what unseen patients reach; "" where nothing lies beyond a limit.

    As "A mirrored copy of P-0042-1, turned by 7°: likeness 0.972 once that is undone; unseen patients reach 0.881."

    Parameters
    ----------
    found
        What `finding` returned.
    unseen
        Values of unseen patients by metric key.
    """
    if found is None or found.code == PASS:
        return ""
    words, undone = copy_words(found.disguise, found.whole)
    values = np.asarray(unseen.get(found.metric.key, ()), float)
    values = values[np.isfinite(values)]
    reach = (values.max() if found.metric.direction == "high" else values.min()) if values.size else math.nan
    others = (float(reach),) if values.size else ()
    said = f"{words}: likeness {found.metric.format(found.value, *others)} {undone}"
    if values.size:
        said += f"; unseen patients reach {found.metric.format(float(reach), found.value)}"
    if is_faint(found.disguise, found.whole) and not (found.whole and is_firm(found.disguise, False)):
        return f"{said}: {FAINT}."
    doubt = found.code == REVIEW or not is_firm(found.disguise, found.whole)
    return f"Perhaps {said[0].lower()}{said[1:]}." if doubt else f"{said}."


@dataclass(frozen=True, eq=False)
class Undone:
    """A real image laid over a sample, its disguise undone.

    Attributes
    ----------
    real
        float32 of the sample's shape in [-1, 1]: moved, mirrored and inverted back; air where it shows nothing.
    difference
        float32: sample less real image, whose contrast and brightness were matched; 0 where it shows nothing.
    low, high
        Corners (first voxel, one past the last) of the region that is alike.
    before, after
        Pearson correlation within what is compared, as the images are and once undone; NaN where it is not defined.
    gain, offset
        ``gain * real + offset`` is what the difference was taken from.
    """

    real: np.ndarray
    difference: np.ndarray
    low: tuple[int, ...]
    high: tuple[int, ...]
    before: float
    after: float
    gain: float
    offset: float

    @property
    def matched(self) -> bool:
        """Whether contrast or brightness differ enough to be told."""
        return abs(self.gain - 1) > MATCHED_GAIN or abs(self.offset) > MATCHED_OFFSET


def undo(sample: np.ndarray, real: np.ndarray, disguise: Disguise, whole: bool) -> Undone:
    """Lay ``real`` over ``sample`` as ``disguise`` says.

    Parameters
    ----------
    sample, real
        2D or 3D, in [-1, 1].
    disguise
        The map from the sample's voxels to the real image's, and whether contrast is inverted.
    whole
        Whether all that both show is compared and outlined, or the likest box alone.

    Raises
    ------
    ValueError
        When the disguise is of images with another number of axes.
    """
    if not sample.ndim == real.ndim == len(disguise.offset):
        raise ValueError(
            f"a disguise of {len(disguise.offset)} axes cannot be undone for images of {sample.ndim} and {real.ndim}"
        )
    from medsynth_desktop.similarity.disguised.interpolation import pulled  # the window starts without numba

    sample, real = np.asarray(sample, np.float32), np.asarray(real, np.float32)
    map_ = Affine(np.array(disguise.matrix, float), np.array(disguise.offset, float))
    sign = np.float32(-1 if disguise.negative else 1)
    laid = sign * np.asarray(pulled(map_, real, sample.shape, AIR), np.float32)
    seen = pulled(map_, np.ones(real.shape, np.float32), sample.shape) > 0.5
    before = math.nan
    if sample.shape == real.shape:
        box = _inside(sample.shape, *_region(disguise, seen, whole))
        before = _pearson(sample[box], real[box])
        if not disguise.done and before > _pearson(sample[box & seen], laid[box & seen]):
            laid, seen = (
                real,
                np.ones(real.shape, bool),
            )  # it kept its place: a map found is a fraction of a voxel off
    low, high = _region(disguise, seen, whole)
    compared = seen & _inside(sample.shape, low, high)
    after = _pearson(sample[compared], laid[compared])
    gain, offset = _matching(sample[compared], laid[compared])
    difference = np.where(seen, sample - (gain * laid + offset), 0).astype(np.float32)
    return Undone(laid, difference, low, high, before, after, gain, offset)


def _region(disguise: Disguise, seen: np.ndarray, whole: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Corners of what is compared and outlined."""
    return _corners(seen) if whole else (disguise.low, disguise.high)


def _inside(shape: tuple[int, ...], low: tuple[int, ...], high: tuple[int, ...]) -> np.ndarray:
    inside = np.zeros(shape, bool)
    inside[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return inside


def _corners(seen: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the smallest box around ``seen``; of all where nothing is seen."""
    low, high = [], []
    for axis, n in enumerate(seen.shape):
        along = np.flatnonzero(seen.any(axis=tuple(a for a in range(seen.ndim) if a != axis)))
        low.append(int(along[0]) if along.size else 0)
        high.append(int(along[-1]) + 1 if along.size else n)
    return tuple(low), tuple(high)


def _matching(sample: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """Gain and offset of ``real`` nearest to ``sample`` by least squares; none where they are not alike."""
    if sample.size < LEAST_SEEN or not float(real.std()) > 0:
        return 1.0, 0.0
    both = np.stack([sample, real]).astype(np.float64)
    (_, shared), (_, spread) = np.cov(both)
    if shared <= 0:
        return 1.0, 0.0
    gain = float(shared / spread)
    return gain, float(both[0].mean() - gain * both[1].mean())


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    if a.size < LEAST_SEEN or not (float(a.std()) > 0 and float(b.std()) > 0):
        return math.nan
    return float(np.corrcoef(a.astype(np.float64), b.astype(np.float64))[0, 1])
