"""From matches to the affine map that lays one image over another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.interpolation import Bands, linear
from medsynth_desktop.similarity.disguised.structure import Structure
from medsynth_desktop.similarity.disguised.votes import Matches, distances
from medsynth_desktop.similarity.disguised.windows import smoothed

ROUNDS = 12
"""Fits of the matches, each with weights from the one before."""
TOLERANCE = 3.0
"""Cells by which a match may miss the map before it counts half."""
STIFF, LOOSE = 30.0, 3.0
"""How strongly a fit is held near a map without turn and scale, in its first rounds and after."""
POINTS, CLOSE_POINTS, STEPS = 1000, 1500, 12
"""Places (and for a map that is close already), and steps at either smoothness, that refine a map, at most."""
STILL = 0.05
"""Cells that a step must move any place, or it was the last."""
MOST_SCALE = 4.0
"""Change of volume beyond which a map has lost its way."""


def fit(matches: Matches, step: int) -> Affine:
    """The affine map of voxels that most matches agree on.

    The largest bundle of like ways says where to begin; then iteratively reweighted least squares, with Cauchy's
    weights squared, of a map that begins near a shift.
    """
    way = matches.found - matches.places
    tolerance = TOLERANCE * step
    apart = distances(way)
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
    image: Structure,
    other: Structure,
    start: Affine,
    near: np.ndarray | None = None,
    steps: int = STEPS,
    close: bool = False,
) -> tuple[Affine, float]:
    """Move the map until the borders of both lie on each other; return it with their correlation there.

    Gauss-Newton on the bands, first smoothed unless ``start`` is ``close`` (within a cell), at places drawn by the
    weight of ``image`` times ``near`` ((*grid) of its cells). The correlation is negative where one image is the
    other's negative.
    """
    odds = np.cumsum((image.weight if near is None else image.weight * near).ravel(), dtype=np.float64)
    if not odds[-1] > 0:
        return start, 0.0
    points = min(CLOSE_POINTS if close else POINTS, odds.size // 2)
    drawn = np.random.default_rng(0).random(points) * odds[-1]
    chosen = np.minimum(odds.searchsorted(drawn, side="right"), odds.size - 1)
    places = np.stack(np.unravel_index(chosen, image.band.shape), axis=1).astype(float)
    centre = places.mean(axis=0)
    reach = max(float((places - centre).std()), 1.0)  # so that turns weigh as shifts do
    arms = np.concatenate([np.ones((1, points)), (places - centre).T / reach])
    ends = np.array(list(product(*((0.0, n - 1.0) for n in image.band.shape))))
    made = start.in_cells(image.step)
    values = image.band.ravel()[chosen]
    best = made, _correlation(values, linear(other.band, made(places).T.astype(np.float32)))
    for blur in (0.0,) if close else (2.0, 0.0):
        band, own = (smoothed(s.band, blur) if blur else s.band for s in (other, image))
        bands, values = Bands([band, *np.gradient(band)]), own.ravel()[chosen]
        for _ in range(steps):
            seen, *slopes = bands.at(made(places).T)
            alike = _correlation(values, seen)
            if blur == 0 and abs(alike) >= abs(best[1]):
                best = made, alike
            before, sign = made, 1 if alike >= 0 else -1
            made = _moved(made, arms, (centre, reach), values, seen, slopes, sign)
            if np.abs(made(ends) - before(ends)).max() < STILL:
                break
            if not 1 / MOST_SCALE < np.linalg.det(made.matrix) < MOST_SCALE:
                made = best[0]
    return best[0].from_cells(image.step), best[1]


def _moved(
    made: Affine,
    arms: np.ndarray,
    about: tuple[np.ndarray, float],
    values: np.ndarray,
    seen: np.ndarray,
    slopes: Sequence[np.ndarray],
    sign: int,
) -> Affine:
    """One Gauss-Newton step, with weights that forgive places where the images differ.

    ``arms`` (1 + d, n) are 1, and how far the places lie from a centre, in reaches; ``about`` these two.
    """
    dims, (centre, reach) = len(arms) - 1, about
    gain = float(np.linalg.norm(values)) / max(float(np.linalg.norm(seen)), 1e-9)
    jacobian = ((gain * np.stack(slopes))[:, None] * arms).reshape(dims * (dims + 1), -1)
    rest = sign * values - gain * seen
    weighted = jacobian / (1 + rest**2)
    normal = weighted @ jacobian.T
    normal += (0.01 * np.trace(normal) / len(normal) + 1e-9) * np.eye(len(normal))
    move = np.clip(np.linalg.solve(normal, weighted @ rest), -2, 2).reshape(dims, dims + 1)
    turn = move[:, 1:] / reach
    return Affine(made.matrix + turn, made.offset + move[:, 0] - turn @ centre)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))
