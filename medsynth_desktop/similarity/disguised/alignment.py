"""From matches to the affine map that lays one image over another."""

from __future__ import annotations

import numpy as np

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.descent import descend, draw, look
from medsynth_desktop.similarity.disguised.interpolation import as_volume, lifted
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
BLUR = 2.0
"""Cells, standard deviation, by which both images are smoothed first."""


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
    points = min(CLOSE_POINTS if close else POINTS, image.weight.size // 2)
    chosen = np.empty(points, np.int64)
    draws = np.sort(np.random.default_rng(0).random(points))
    everywhere = np.ones_like(image.weight) if near is None else near
    if not draw(
        np.ascontiguousarray(image.weight), np.ascontiguousarray(everywhere, np.float32), draws, chosen
    ):
        return start, 0.0
    places = np.stack(np.unravel_index(chosen, as_volume(image.band).shape), axis=1).astype(float)
    corner = np.array(as_volume(image.band).shape) - 1.0
    matrix, offset = lifted(start.in_cells(image.step))
    values, whole = image.band.ravel()[chosen].astype(float), as_volume(other.band)
    best, best_matrix, best_offset = (
        look(whole, places, values, matrix, offset, np.empty((points, 4)))[0],
        matrix.copy(),
        offset.copy(),
    )
    for blur in (0.0,) if close else (BLUR, 0.0):
        theirs = as_volume(smoothed(other.band, blur)) if blur else whole
        ours = smoothed(image.band, blur).ravel()[chosen].astype(float) if blur else values
        way = theirs, places, ours, corner, matrix, offset, best_matrix, best_offset
        best = descend(*way, best, steps, blur == 0)
    first = 3 - image.band.ndim
    return Affine(best_matrix[first:, first:], best_offset[first:]).from_cells(image.step), best
