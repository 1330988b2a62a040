"""Frozen records of the data flow: Cohort -> Bundle -> Sample -> Verdict -> Decision -> Release.

Each names its parents by content hash or id, so that a release can prove its whole lineage. Records hold
pseudonyms only. All are JSON-able by `dataclasses.asdict`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from medsynth_desktop.core.privacy import Privacy

Split = Literal["train", "calibration"]
VerdictName = Literal["pass", "review", "block"]
DecisionStatus = Literal["approved", "rejected", "reopened"]

MOST_GUIDANCE = 30.0
"""Beyond it nothing but the condition's most typical picture is left."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How any image becomes an array of a cohort's grid (see cohorts.conform).

    ``grid`` has 3 entries (x, y, z in RAS axes) or 2 (x to the patient's left, y downwards: as a film is viewed);
    ``spacing`` is millimetres, isotropic, or 0 where pictures without spacing are fitted to the grid; ``intensity`` is
    ``percentile`` (low, high in percent of the image's own values) or ``window`` (low, high in the unit),
    mapped linearly to [-1, 1] and clipped.
    """

    grid: tuple[int, ...]
    spacing: float
    intensity: Literal["percentile", "window"]
    low: float
    high: float
    modality: str = "OT"
    unit: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One conformed real image. ``id`` is the pseudonym and a number: ``P-0042-1``."""

    id: str
    patient: str
    split: Split
    array_hash: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CohortRecord:
    """A named set of conformed real images under one recipe; ``hash`` covers recipe, images and splits.

    ``patients_told`` is said by an import only: how its patients were told apart, and how many there are.
    """

    name: str
    recipe: Recipe
    hash: str
    images: tuple[ImageRecord, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    patients_told: str = field(default="", compare=False)

    def split(self, split: Split) -> tuple[ImageRecord, ...]:
        """Images of one split, in id order."""
        return tuple(i for i in self.images if i.split == split)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a model may be asked for: one of ``classes``; where there are none, a number from ``low`` to ``high``."""

    name: str
    classes: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """A model known to the workspace. ``hash`` covers every byte of its files; ``path`` is its folder."""

    hash: str
    name: str
    path: str
    cohort_hash: str
    recipe: Recipe
    conditions: tuple[Condition, ...] = ()
    licence: str = ""
    privacy: Privacy | None = None


MODEL_NAME = re.compile(r"\w[\w .()+-]{0,79}")
"""What a model may be called."""


@dataclass(frozen=True, slots=True)
class SampleSettings:
    """What the user chose for a batch; together with a seed and a bundle it determines a sample.

    ``candidates`` latents are drawn for each sample, and the one farthest from every training latent is kept. A sample
    that the guard blocks is drawn again until ``attempts`` were made. ``cohort`` is the hash of the cohort whose images
    are kept away from in either case, "" where both numbers are 1. With attempts the limits in force decide too;
    `SampleRecord.noise_seed` names what was drawn in the end. ``conditions`` are by name, a class as text; ``guidance``
    above 1 draws what they ask for more typically and less variously than the data (classifier-free guidance).
    ``precision`` is that of the networks' layers: 32, bf16 or 16 (bits); "auto" becomes the device's own when it is
    drawn.
    """

    sampler: str = "dpm-solver++2m"
    steps: int = 20
    conditions: dict[str, float | str] = field(default_factory=dict)
    candidates: int = 1
    attempts: int = 1
    cohort: str = ""
    guidance: float = 1.0
    precision: str = "32"


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """One stored synthetic image: float32 in [-1, 1] on the grid of the bundle's recipe.

    ``noise_seed`` is the seed of the noise that became it (None: ``seed`` itself); it differs where candidates or
    attempts were asked for (`medsynth_desktop.samplers.seeds`). ``refused`` holds, for each attempt that the guard
    blocked, why; ``blocked`` says that the last of them is this sample, kept for a person to see.
    """

    id: str
    batch: str
    ordinal: int
    seed: int
    bundle_hash: str
    settings: SampleSettings
    device: str
    seconds: float
    array_hash: str
    created: str
    noise_seed: int | None = None
    refused: tuple[str, ...] = ()
    blocked: bool = False

    @property
    def attempts(self) -> int:
        """How often it was drawn."""
        return len(self.refused) + (not self.blocked)


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch of samples by name."""

    name: str
    bundle_hash: str
    samples: tuple[SampleRecord, ...]
    created: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A real image near a query: ids of the cohort and exact distances on [-1, 1] intensities."""

    image: str
    patient: str
    rmse: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Disguise:
    """A real image that a query may show in disguise, and how it lies over the query.

    ``matrix`` and ``offset`` map voxels of the query to voxels of the real image; ``negative`` says that contrast is
    inverted. ``whole`` is the likeness of all that both show and ``part`` that of the likest box, -1 to 1; ``low`` and
    ``high`` are the box's corners in voxels of the query. ``done`` says in words what was done to the real image.
    """

    image: str
    patient: str
    matrix: tuple[tuple[float, ...], ...]
    offset: tuple[float, ...]
    negative: bool
    whole: float
    part: float
    low: tuple[int, ...]
    high: tuple[int, ...]
    done: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """The real image that the value of a metric speaks of, where its own search found it."""

    image: str
    patient: str


@dataclass(frozen=True, slots=True)
class Nearest:
    """Exact neighbours of one query, best first, the patient-aware Lowe's ratio, and its likeliest disguises.

    ``matches`` names, by metric, the real image that a witness (`medsynth_desktop.similarity.base.Witness`) found.
    """

    id: str
    neighbours: tuple[Neighbour, ...]
    lowe_ratio: float
    metrics: dict[str, float] = field(default_factory=dict)
    disguises: tuple[Disguise, ...] = ()
    matches: dict[str, Match] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a metric turns from pass to review and from review to block.

    ``origin`` is ``calibrated`` or ``typed``; a typed one carries ``who`` set it and ``why``, a calibrated one in the
    place of a typed one who lifted that and why. ``interval`` is the bootstrap interval of the calibrated quantile,
    ``n`` the number of unseen images behind it.
    """

    metric: str
    review: float
    block: float
    origin: Literal["calibrated", "typed"] = "calibrated"
    interval: tuple[float, float] | None = None
    n: int = 0
    quantile: float | None = None
    who: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """The thresholds in force for a cohort; ``hash`` names exactly this set of numbers.

    ``bundle_hash`` names the one model whose samples they judge, "" stands for the cohort at large. ``doubt`` says why
    nothing is judged better than review, "" where nothing speaks against it.
    """

    cohort_hash: str
    thresholds: tuple[Threshold, ...]
    hash: str
    bundle_hash: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard says of one image under one policy, and why, in words."""

    id: str
    verdict: VerdictName
    reasons: tuple[str, ...]
    metrics: dict[str, float]
    nearest: Nearest
    policy_hash: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided of one sample. Append-only: the last one counts."""

    sample: str
    status: DecisionStatus
    reason: str
    who: str
    when: str
    policy_hash: str
    verdict: VerdictName


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """A package that left: where it was written and the hash of its manifest."""

    id: str
    path: str
    manifest_hash: str
    samples: tuple[str, ...]
    created: str
