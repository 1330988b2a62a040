"""What is asked: copies of training images in disguise, and unseen images that went through the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from tests.benchmarks.disguises.patients import Part, Patients
from tests.similarity import disguises as made
from tests.similarity.disguises import Disguise

Groups = dict[str, dict[str, Disguise]]


def moved(voxels: int) -> Disguise:
    """Shifted by so many voxels along every axis."""
    return made.shifted(voxels, voxels)


def resized(factor: float) -> Disguise:
    """Larger or smaller by a factor."""
    return lambda g, image, other: made.about_centre(image, np.eye(image.ndim) * factor)


def block(kind: Disguise) -> Disguise:
    """A box of a quarter of the volume, of what ``kind`` makes of the image, in another one."""
    return lambda g, image, other: made.quarter(g, kind(g, image, other), other)


def side(kind: Disguise) -> Disguise:
    """One half of what ``kind`` makes of the image, in another one."""
    return lambda g, image, other: made.half(g, kind(g, image, other), other)


WHOLE: Groups = {
    "flip": {"": made.flip},
    "shift": {f"{n} voxels": moved(n) for n in (2, 4, 8)},
    "rotation": {f"{n}°": made.turned(n, n) for n in (3, 6, 10)},
    "scaling": {"-5 %": resized(0.95), "+5 %": resized(1.05)},
    "blur": {f"{s} % of the longest axis": made.blurred(s) for s in (1.0, 2.0)},
    "noise": {f"{100 * level / 2:.0f} % of the range": made.noisy(level) for level in (0.1, 0.2)},
    "gain": {"x 0.5": made.gained(0.5, 0.5), "x 1.4": made.gained(1.4, 1.4)},
    "gamma": {"0.5": made.gamma(0.5, 0.5), "2": made.gamma(2.0, 2.0)},
    "inversion": {"": made.inverted},
    "cropping to 75 %": {"air around": made.cropped, "enlarged": made.enlarged},
    "together": {
        "flip, turn 2 to 6°, shift 1 to 4": made.WHOLE["flip, turn, shift"],
        "turn 6 to 10°, gamma, noise 5 %": made.WHOLE["turn, gamma, noise"],
        "inversion, flip, blur 1 %": made.together(made.inverted, made.flip, made.blurred(1.0)),
    },
}
"""Disguises of whole images by kind and strength."""
PARTS: Groups = {
    "half": {
        "": made.half,
        "of a turned one (3 to 6°)": side(made.turned(3, 6)),
        "of a flipped one": side(made.flip),
    },
    "quarter": {
        "": made.quarter,
        "of a flipped one": block(made.flip),
        "of a turned one (3 to 6°)": block(made.turned(3, 6)),
    },
}
"""Copies in part: a half (hemisphere, lung), a block of a quarter of the volume, in an unseen image."""
SCANNED: Groups = {
    "as it is": {"": lambda g, image, other: image},
    "noise": {"2 % of the range": made.noisy(0.04)},
    "flip": WHOLE["flip"],
    "shift": {"4 voxels": moved(4)},
    "rotation": {"6°": made.turned(6, 6)},
    "blur": {"1 % of the longest axis": made.blurred(1.0)},
    "gamma": {"0.5": made.gamma(0.5, 0.5)},
    "half": {"": made.half},
}
"""What is tried with patients who have several scans."""


@dataclass(frozen=True)
class Query:
    """An image to ask about.

    Attributes
    ----------
    id
        Unique; the seed of its disguise.
    role
        ``calibration`` or ``evaluation`` (innocent), ``whole``, ``part`` or ``scanned`` (copies).
    kind, strength
        The disguise; "" for none.
    source
        Row of the training image that was copied, or of the innocent image among its own; -1 for none.
    other
        Row of the evaluation image that a part lies in.
    """

    id: str
    role: str
    kind: str
    strength: str
    source: int
    other: int = 0

    @property
    def disguise(self) -> Disguise | None:
        """What is done to the image."""
        groups = {"part": PARTS, "scanned": SCANNED}.get(self.role, WHOLE)
        return groups[self.kind][self.strength] if self.kind else None

    @property
    def seed(self) -> list[int]:
        """Of its generator."""
        return list(self.id.encode())

    def image(self, patients: Patients) -> np.ndarray:
        """The image itself, float32."""
        innocent = {"calibration": patients.calibration, "evaluation": patients.evaluation}.get(self.role)
        image = (innocent or patients.train).images[self.source]
        if self.disguise is None:
            return image
        other = patients.evaluation.images[self.other]
        made_of = self.disguise(np.random.default_rng(self.seed), image, other)
        return np.asarray(made_of, np.float32)


def names(groups: Groups) -> list[tuple[str, str]]:
    """Kind and strength of each disguise."""
    return [(kind, strength) for kind, strengths in groups.items() for strength in strengths]


def innocents(role: str, part: Part, each: int) -> list[Query]:
    """Every image of ``part`` as it is and in ``each - 1`` disguises, so that all disguises are used alike often."""
    queries, disguises = [], names(WHOLE)
    for index in part.first_of_each():
        queries.append(Query(f"{role} {index}", role, "", "", index))
        for number in range(each - 1):
            kind, strength = disguises[(index * (each - 1) + number) % len(disguises)]
            queries.append(Query(f"{role} {index} {kind} {strength}", role, kind, strength, index))
    return queries


def copies(role: str, groups: Groups, patients: Patients, each: int, sources: list[int]) -> list[Query]:
    """``each`` copies in every disguise, of training images ``sources`` (one of each patient) in turn."""
    queries, hosts, turns = [], patients.evaluation.first_of_each(), 0
    for kind, strength in names(groups):
        for _ in range(each):
            source, host = sources[turns % len(sources)], hosts[turns % len(hosts)]
            name = f"{role} {kind} {strength} {source} {turns}"
            queries.append(Query(name, role, kind, strength, source, host))
            turns += 1
    return queries


def way_of(query: Query, patients: Patients) -> tuple[np.ndarray, np.ndarray] | None:
    """Where every voxel of a geometric disguise came from: (d, *grid) voxels of the copied image, and (*grid) whether.

    Found by disguising ramps; None where the disguise changes intensities.
    """
    if query.disguise is None or query.kind not in GEOMETRIC:
        return None
    shape = patients.grid
    asked: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda image, other: query.disguise(  # noqa: E731
        np.random.default_rng(query.seed), image, other
    )
    mask = asked(np.ones(shape), np.full(shape, -1.0)) > 0.99
    ramps = [
        np.broadcast_to(r, shape) for r in np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    ]
    places = [
        (asked(ramp.copy(), np.zeros(shape)) + 1) / 2 * (n - 1) for ramp, n in zip(ramps, shape, strict=True)
    ]
    return np.stack(places), ndimage.binary_erosion(mask, iterations=2)


GEOMETRIC = ("flip", "shift", "rotation", "scaling", "cropping to 75 %", "half", "quarter")
"""Kinds that only move voxels."""
