"""What was measured, as values: with intervals, counts and how it was made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.quality.structure import Scales

FORMAT = 1
UNKNOWN = (math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, its 95% interval (NaN where there is none), and the images on each side, or images and pairs."""

    value: float
    interval: tuple[float, float]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """By which features: name, content hash of what decides them, numbers of a row, what to hold against it.

    ``lacking`` says why there is none.
    """

    key: str = ""
    name: str = ""
    fingerprint: str = ""
    length: int = 0
    caution: str = ""
    lacking: str = ""


Estimates = Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality of a batch against the real images of a cohort.

    Attributes
    ----------
    images, patients
        Of ``synthetic`` (images only), ``train`` and ``calibration``.
    network
        Behind FID, KID, precision and recall, which are empty without one.
    fid, kid
        ``train``, ``calibration``: of the batch against that split; ``floor``: of the calibration split against the
        training split. Of FID also ``train_equal`` and ``floor_equal``: at the number of images of the smaller.
    precision, recall
        ``train``: of the batch; ``floor``: of the calibration split, both against the training split.
    ms_ssim
        Mean over pairs of ``synthetic``, ``train`` and ``calibration`` images.
    scales, pairs, neighbours, seed, seconds
        How it was made.
    """

    images: Mapping[str, int]
    patients: Mapping[str, int]
    network: Network
    scales: Scales
    pairs: int
    neighbours: int
    seed: int
    fid: Estimates = field(default_factory=dict)
    kid: Estimates = field(default_factory=dict)
    precision: Estimates = field(default_factory=dict)
    recall: Estimates = field(default_factory=dict)
    ms_ssim: Estimates = field(default_factory=dict)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the numbers for a program to read; what is not defined is None."""
        return {"format": FORMAT, **_plain(asdict(self))}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Quality:
        """Return what `to_json` wrote.

        Raises
        ------
        InputRefused
            When ``document`` is none.
        """
        try:
            if document["format"] != FORMAT:
                raise ValueError
            scales = document["scales"]
            return cls(
                images=dict(document["images"]),
                patients=dict(document["patients"]),
                network=Network(**document["network"]),
                scales=Scales(scales["kernel"], scales["sigma"], tuple(scales["weights"])),
                pairs=int(document["pairs"]),
                neighbours=int(document["neighbours"]),
                seed=int(document["seed"]),
                fid=_estimates(document["fid"]),
                kid=_estimates(document["kid"]),
                precision=_estimates(document["precision"]),
                recall=_estimates(document["recall"]),
                ms_ssim=_estimates(document["ms_ssim"]),
                seconds=float(document["seconds"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputRefused("The stored quality cannot be read; measure it again.") from None


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """How well a model's autoencoder gives back images: PSNR in dB and SSIM, of unseen and of training patients.

    Attributes
    ----------
    psnr, ssim
        Means over images of ``train`` and ``calibration``.
    patients
        Of each split that were looked at.
    kernel, seed, seconds
        Side of SSIM's window, what drew the images where there were more than were asked for, how long it took.
    """

    psnr: Estimates
    ssim: Estimates
    patients: Mapping[str, int]
    kernel: int
    seed: int
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the numbers for a program to read."""
        return {"format": FORMAT, **_plain(asdict(self))}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Reconstruction:
        """Return what `to_json` wrote.

        Raises
        ------
        InputRefused
            When ``document`` is none.
        """
        try:
            if document["format"] != FORMAT:
                raise ValueError
            return cls(
                psnr=_estimates(document["psnr"]),
                ssim=_estimates(document["ssim"]),
                patients=dict(document["patients"]),
                kernel=int(document["kernel"]),
                seed=int(document["seed"]),
                seconds=float(document["seconds"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputRefused("The stored reconstruction cannot be read; measure it again.") from None


def _estimates(document: Mapping[str, Any]) -> dict[str, Estimate]:
    return {key: _estimate(facts) for key, facts in document.items()}


def _estimate(facts: Mapping[str, Any]) -> Estimate:
    low, high = (math.nan if end is None else float(end) for end in facts["interval"])
    value = math.nan if facts["value"] is None else float(facts["value"])
    return Estimate(value, (low, high), tuple(map(int, facts["counts"])))


def _plain(value: Any) -> Any:
    """Without NaN and infinity, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
