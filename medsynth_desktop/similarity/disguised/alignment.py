"""From matches to the affine map that lays one image over another, and how alike they are then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import ndimage

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.structure import Structure
from medsynth_desktop.similarity.disguised.votes import Matches

ROUNDS = 12
"""Fits of the matches, each with weights from the one before."""
TOLERANCE = 3.0
"""Cells by which a match may miss the map before it counts half."""
STIFF, LOOSE = 30.0, 3.0
"""How strongly a fit is held near a map without turn and scale, in its first rounds and after."""
POINTS, STEPS = 1500, 12
"""Places, and steps at either smoothness, with which a map is refined, at most."""
STILL = 0.05
"""Cells that a step must move any place, or it was the last."""
MOST_SCALE = 4.0
"""Change of volume beyond which a map has lost its way."""
LOCAL = 3.0
"""Cells, standard deviation, of the window in which images are compared."""
PART = 0.4
"""Length of a part along each axis, as a share of the image: such a box fits in a quarter of any image."""
REST = 0.05
"""Energy (bands have 1) added to all energies: where nothing departs from the mean, nothing is alike."""
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


def fit(matches: Matches, step: int) -> Affine:
    """The affine map of voxels that most matches agree on.

    The largest bundle of like ways says where to begin; then iteratively reweighted least squares, with Cauchy's
    weights squared, of a map that begins near a shift.
    """
    way = matches.found - matches.places
    tolerance = TOLERANCE * step
    apart = np.linalg.norm(way[:, None] - way[None], axis=2)
    together = (matches.support[None] / (1 + (apart / tolerance) ** 2)).sum(axis=1)
    made = Affine(np.eye(way.shape[1]), way[int(np.argmax(together))].astype(float))
    for number in range(ROUNDS):
        missed = np.linalg.norm(made(matches.places) - matches.found, axis=1)
        weights = matches.support / (1 + (missed / tolerance) ** 2) ** 2
        made = _least_squares(matches, weights, (STIFF if number < ROUNDS // 3 else LOOSE) * step**2)
    return made


def _least_squares(matches: Matches, weights: np.ndarray, hold: float) -> Affine:
    total = float(weights.sum()) + 1e-9
    centre, aim = weights @ matches.places / total, weights @ matches.found / total
    a, b = matches.places - centre, matches.found - aim
    held = hold * total * np.eye(a.shape[1])
    weighted = (a * weights[:, None]).T
    matrix = np.linalg.solve(weighted @ a + held, weighted @ b + held).T
    return Affine(matrix, aim - matrix @ centre)


def refine(
    image: Structure, other: Structure, start: Affine, near: np.ndarray | None = None, steps: int = STEPS
) -> tuple[Affine, float]:
    """Move the map until the borders of both lie on each other; return it with their correlation there.

    Gauss-Newton on the bands, first smoothed, at places drawn by the weight of ``image`` times ``near`` ((*grid) of its
    cells). The correlation is negative where one image is the other's negative.
    """
    odds = (image.weight if near is None else image.weight * near).ravel().astype(np.float64)
    if not odds.sum() > 0:
        return start, 0.0
    points = min(POINTS, odds.size // 2)
    chosen = np.random.default_rng(0).choice(odds.size, points, p=odds / odds.sum())
    places = np.stack(np.unravel_index(chosen, image.band.shape), axis=1).astype(float)
    ends = np.array(list(product(*((0.0, n - 1.0) for n in image.band.shape))))
    made = start.in_cells(image.step)
    values = image.band.ravel()[chosen]
    seen = ndimage.map_coordinates(other.band, made(places).T, order=1)
    best = made, _correlation(values, seen)
    for blur in (2.0, 0.0):
        band, own = (ndimage.gaussian_filter(s.band, blur) if blur else s.band for s in (other, image))
        seen_by, values = [band, *np.gradient(band)], own.ravel()[chosen]
        for _ in range(steps):
            seen, *slopes = (ndimage.map_coordinates(s, made(places).T, order=1) for s in seen_by)
            alike = _correlation(values, seen)
            if blur == 0 and abs(alike) >= abs(best[1]):
                best = made, alike
            before, made = made, _moved(made, places, values, seen, slopes, 1 if alike >= 0 else -1)
            if np.abs(made(ends) - before(ends)).max() < STILL:
                break
            if not 1 / MOST_SCALE < np.linalg.det(made.matrix) < MOST_SCALE:
                made = best[0]
    return best[0].from_cells(image.step), best[1]


def _moved(
    made: Affine,
    places: np.ndarray,
    values: np.ndarray,
    seen: np.ndarray,
    slopes: Sequence[np.ndarray],
    sign: int,
) -> Affine:
    """One Gauss-Newton step, with weights that forgive places where the images differ."""
    dims = places.shape[1]
    gain = float(np.linalg.norm(values)) / max(float(np.linalg.norm(seen)), 1e-9)
    centre = places.mean(axis=0)
    reach = max(float((places - centre).std()), 1.0)  # so that turns weigh as shifts do
    arms = (places - centre) / reach
    steep = gain * np.stack(slopes, axis=1)
    jacobian = np.concatenate([steep, *(steep[:, i : i + 1] * arms for i in range(dims))], axis=1)
    rest = sign * values - gain * seen
    weighted = (jacobian / (1 + rest[:, None] ** 2)).T
    normal = weighted @ jacobian
    normal += (0.01 * np.trace(normal) / len(normal) + 1e-9) * np.eye(len(normal))
    move = np.clip(np.linalg.solve(normal, weighted @ rest), -2, 2)
    turn = move[dims:].reshape(dims, dims) / reach
    return Affine(made.matrix + turn, made.offset + move[:dims] - turn @ centre)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))


def compare(image: Structure, other: Structure, map_: Affine, sign: int, common: np.ndarray) -> Overlay:
    """How alike the images are under ``map_``, apart from what they have in ``common`` with every image.

    ``common`` ((*grid) of the image's cells) is the band of the mean image. Likeness is the partial correlation given
    it, within a window: two heads share the mean's outline, only copies share what departs from it.
    """
    shape, cells = image.band.shape, map_.in_cells(image.step)
    seen = sign * cells.pull(other.band, shape)
    worth = np.clip(cells.pull(other.weight, shape), 0, 1)
    weight = np.sqrt(image.weight * worth)

    def local(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(ndimage.gaussian_filter(a * b, LOCAL, truncate=3.0))

    explained = local(common, common) + REST
    with_image, with_other = local(image.band, common), local(seen, common)
    both = local(image.band, seen) - with_image * with_other / explained
    own = local(image.band, image.band) - with_image**2 / explained
    others = local(seen, seen) - with_other**2 / explained
    alike = both / np.sqrt((np.maximum(own, 0) + REST) * (np.maximum(others, 0) + REST))
    least = ENOUGH * float(image.weight.sum())
    whole = float((alike * weight).sum() / max(float(weight.sum()), least, 1e-9))
    part, corner, size = _best_box(alike * weight, weight, image.weight)
    low = tuple(int(c) * image.step for c in corner)
    high = tuple(int(c + s) * image.step for c, s in zip(corner, size, strict=True))
    return Overlay(map_, sign, whole, part, low, high)


def _best_box(
    sums: np.ndarray, amounts: np.ndarray, own: np.ndarray
) -> tuple[float, tuple[int, ...], list[int]]:
    """Highest weighted mean in a box of `PART` of each axis, its first corner, and its size."""
    size = [max(3, round(PART * n)) for n in own.shape]
    inside = tuple(slice(s // 2, n - (s - 1) // 2) for s, n in zip(size, own.shape, strict=True))
    sums, amounts, own = (
        ndimage.uniform_filter(v, size, mode="constant")[inside] for v in (sums, amounts, own)
    )
    enough = amounts >= ENOUGH * max(float(own.max()), 1e-9)
    means = np.where(enough, sums / np.maximum(amounts, 1e-9), -1.0)
    corner = np.unravel_index(int(np.argmax(means)), means.shape)
    return float(means.max()), tuple(int(c) for c in corner), size
