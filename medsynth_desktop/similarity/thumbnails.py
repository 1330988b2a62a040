"""Images in few numbers: means of blocks of two voxels along each axis, and coefficients of these in a fitted basis.

Both are coordinates in an orthonormal basis, so for images a and b, centred and of unit norm, with such coordinates
s and t: the correlation lies within sqrt(1 - |s|^2) sqrt(1 - |t|^2) of <s, t> (Pythagoras, Cauchy-Schwarz). Scans are
smooth: half the resolution keeps 94 to 99 percent of their energy.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.similarity.bounds import padded
from medsynth_desktop.similarity.exact import Moments

ROOM = 1e-6
"""Room for what is not exact in coordinates: rounding them to float32 (2^-24 of a vector at most 1 long, twice for
coefficients, which come of rounded thumbnails; so 2.4e-7 in a product or a square), float64 sums (below 1e-8 down to
the least contrast that is accepted), and a basis orthonormal up to `ORTHONORMAL`."""
ORTHONORMAL = 1e-9
"""Largest Frobenius norm of V V' - 1 at which a basis is taken; float64 gives 1e-12."""
OVERSAMPLING = 16
POWERS = 2
"""More columns than are asked for, and power iterations: Halko, Martinsson, Tropp 2011, 4.4."""
SEED = 0


def thumbnail_size(shape: tuple[int, ...]) -> int:
    """Number of blocks of an image of ``shape``."""
    return int(np.prod([-(-size // 2) for size in shape]))


def write_thumbnail(image: np.ndarray, of: Moments, row: np.ndarray) -> float:
    """Write the thumbnail of ``image``, centred and of unit norm, into the float32 ``row``, zeros behind.

    Returns
    -------
    float
        Norm of what the thumbnail leaves out, rounded up.
    """
    sums, voxels = _block_sums(image), _block_sizes(image.shape)
    unit = ((sums - of.mean * voxels) / (of.norm * np.sqrt(voxels))).reshape(-1)
    row[: unit.size] = unit
    row[unit.size :] = 0
    return float(rests(np.array(np.square(unit).sum())))


def rests(squares: np.ndarray) -> np.ndarray:
    """Norm of what is left of a unit vector, rounded up, given the sum of squares of its coordinates."""
    return np.asarray(np.sqrt(np.maximum(0.0, 1.0 - squares) + ROOM))


def fit_basis(rows: np.ndarray, count: int) -> Steps[np.ndarray]:
    """Find the ``count`` leading principal directions of (S, P) float32 ``rows`` by randomised SVD.

    Returns
    -------
    numpy.ndarray
        (count, P) float64, orthonormal; the same for the same rows. Whatever it is, the bounds hold: a better basis
        only makes them tighter.
    """
    generator = np.random.default_rng(SEED)
    columns = min(count + OVERSAMPLING, *rows.shape)
    span = rows.T @ generator.standard_normal((len(rows), columns), np.float32)
    for power in range(POWERS):
        yield Progress(power + 1, POWERS + 2, "Learning what the images have in common")
        span = rows.T @ (rows @ np.linalg.qr(span)[0])
    span = np.linalg.qr(span.astype(np.float64))[0]
    yield Progress(POWERS + 1, POWERS + 2, "Learning what the images have in common")
    directions = np.linalg.svd(rows @ span, full_matrices=False)[2]
    return np.ascontiguousarray((span @ directions[:count].T).T)


def is_orthonormal(basis: np.ndarray) -> bool:
    """Whether the rows of ``basis`` are orthonormal, as closely as the bounds ask."""
    return bool(np.linalg.norm(basis @ basis.T - np.eye(len(basis))) <= ORTHONORMAL)


def coefficients(rows: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (B, K) float32 coefficients of (B, P) thumbnails, zeros behind, and (B,) norms of what they leave out."""
    exact = rows.astype(np.float64) @ basis.T
    held = np.zeros((len(rows), padded(len(basis))), np.float32)
    held[:, : len(basis)] = exact
    return held, rests(np.square(exact).sum(axis=1))


@lru_cache(maxsize=4)
def _block_sizes(shape: tuple[int, ...]) -> np.ndarray:
    return _block_sums(np.ones(shape, np.uint8))


def _block_sums(image: np.ndarray) -> np.ndarray:
    """Sums (float64) of blocks of two voxels along each axis; fewer at odd ends."""
    sums = image
    for axis in range(image.ndim):
        first, second = (sums[(*[slice(None)] * axis, slice(start, None, 2))] for start in (0, 1))
        sums = first.astype(np.float64)
        sums[(*[slice(None)] * axis, slice(second.shape[axis]))] += second
    return sums
