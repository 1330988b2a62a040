"""How alike a query and a real image are, laid over each other: as a whole, and in the likest part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.interpolation import pulled
from medsynth_desktop.similarity.disguised.sight import Seen
from medsynth_desktop.similarity.disguised.structure import REST, Structure, local, thinned, thinning
from medsynth_desktop.similarity.disguised.windows import boxes

PART = 0.4
"""Length of a part along each axis, as a share of the image: such a box fits in a quarter of any image."""
ENOUGH = 0.25
"""Share of the most structured box's weight that a box needs to count as a part."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """How one image lies over another.

    Attributes
    ----------
    map
        From voxels of the image to those of the other.
    sign
        -1 where one is the other's negative, else 1.
    whole
        Mean likeness over all that both show, -1 to 1.
    part
        Mean likeness in the likest box, -1 to 1.
    low, high
        (d,) corners of that box, in voxels of the image.
    """

    map: Affine
    sign: int
    whole: float
    part: float
    low: tuple[int, ...]
    high: tuple[int, ...]


def compare(image: Seen, other: Structure, map_: Affine, sign: int) -> Overlay:
    """How alike the images are under ``map_``, apart from what the query has in common with every image.

    Likeness is the partial correlation given the mean image, within a window: two heads share the mean's outline, only
    copies share what departs from it.
    """
    own, thin = image.structure, thinning(image.structure.band.shape)
    amount, their_amount = thinned(own.weight), thinned(other.weight)
    seen = sign * pulled(map_.in_cells(own.step), other.band, own.band.shape)
    worth = pulled(map_.in_cells(own.step * thin), their_amount, amount.shape)
    weight = np.sqrt(amount * np.clip(worth, 0, 1))
    *products, both, others = local([(one, seen) for one in [*image.common.bands, own.band, seen]])
    theirs, rest = image.common.explained_of(products), image.rest()
    both = both - sum(a * b for a, b in zip(rest.explained, theirs, strict=True))
    others = np.maximum(others - sum(part**2 for part in theirs), 0)
    alike = both / np.sqrt((rest.energy + REST) * (others + REST))
    least = ENOUGH * float(amount.sum())
    whole = float((alike * weight).sum() / max(float(weight.sum()), least, 1e-9))
    part, corner, size = _best_box(alike * weight, weight, amount)
    step = own.step * thin
    low = tuple(int(c) * step for c in corner)
    high = tuple(int(c + s) * step for c, s in zip(corner, size, strict=True))
    return Overlay(map_, sign, whole, part, low, high)


def _best_box(
    sums: np.ndarray, amounts: np.ndarray, own: np.ndarray
) -> tuple[float, tuple[int, ...], list[int]]:
    """Highest weighted mean in a box of `PART` of each axis, its first corner, and its size."""
    size = [max(3, round(PART * n)) for n in own.shape]
    sums, amounts, own = (boxes(v, size) for v in (sums, amounts, own))
    enough = amounts >= ENOUGH * max(float(own.max()), 1e-9)
    means = np.where(enough, sums / np.maximum(amounts, 1e-9), -1.0)
    corner = np.unravel_index(int(np.argmax(means)), means.shape)
    return float(means.max()), tuple(int(c) for c in corner), size
