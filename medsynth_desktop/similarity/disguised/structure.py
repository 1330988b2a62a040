"""What of an image stays when contrast, brightness and sharpness change: where borders are and how they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, product

import numpy as np

from medsynth_desktop.similarity.disguised.windows import mean_products, means, quantile, slopes, smoothed
from medsynth_desktop.similarity.loops.compiled import compiled

FINE, MIDDLE, COARSE = {2: 256, 3: 96}, {2: 128, 3: 48}, {2: 64, 3: 32}
"""Cells along the longest axis, at most, by dimensions: where pairs are measured, images compared, and found places."""
BLOCK = {2: 14, 3: 8}
"""Cells along each axis of the blocks that images are compared by."""
REACH = {2: (-6, -3, 0, 3, 6), 3: (-3, 0, 3)}
"""Cells from a place, along each axis, at which its surroundings are described."""
FLOOR = 0.05
"""Energy, as a share of that of the image's strongest borders, below which a border is noise or air."""
EDGE = 4
"""Cells from the image's end in which nothing counts when images are laid over each other, at most."""
LOCAL = 3.0
"""Cells, standard deviation, of the window in which bands are compared."""
THINNED = 12
"""Cells along the shortest axis from which on every second is enough for local means."""
REST = 0.05
"""Energy (bands have 1) added to all energies: where nothing departs from the mean, nothing is alike."""
MOST = 0.98
"""Quantile of the energies that stands for the strongest borders."""


@dataclass(frozen=True, slots=True)
class Structure:
    """Borders of an image at one resolution.

    Attributes
    ----------
    band
        (*grid) float32: detail of 1 to 3 cells, everywhere of about unit energy.
    weight
        (*grid) float32 in [0, 1): how far that detail rises above noise.
    step
        Voxels of the image that one cell spans.
    """

    band: np.ndarray
    weight: np.ndarray
    step: int

    def voxel(self, cells: np.ndarray) -> np.ndarray:
        """Where ``cells`` (..., d) lie, in voxels of the image."""
        return (cells + 0.5) * self.step - 0.5


def structure_of(image: np.ndarray, cells: dict[int, int]) -> Structure:
    """Return the structure of ``image`` (2D or 3D) where its longest axis has at most ``cells`` of its dimensions."""
    step = step_of(image.shape, cells)
    small = shrink(np.asarray(image, np.float32), step)
    detail = smoothed(small, 0.8) - smoothed(small, 2.5)
    energy = smoothed(detail * detail, 3.0)
    floor = FLOOR * max(quantile(energy, MOST), 1e-10)
    return Structure(detail / np.sqrt(energy + floor), energy / (energy + floor), step)


def within(structure: Structure) -> Structure:
    """``structure`` without weight near the image's ends: a frame or a cut-off edge is no one's own."""
    edges = [min(EDGE, n // 8) for n in structure.band.shape]
    inside = tuple(slice(e, n - e) for e, n in zip(edges, structure.band.shape, strict=True))
    weight = np.zeros_like(structure.weight)
    weight[inside] = structure.weight[inside]
    return replace(structure, weight=weight)


def around(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean product of two bands around each cell."""
    return smoothed(a * b, LOCAL)


def thinning(shape: tuple[int, ...]) -> int:
    """Of so many cells along each axis one is enough for what changes no faster than a window does."""
    return 2 if min(shape) >= THINNED else 1


def thinned(band: np.ndarray) -> np.ndarray:
    """Means of so many cells of ``band``."""
    return shrink(band, thinning(band.shape))


def local(pairs: Sequence[tuple[np.ndarray, np.ndarray]], window: float = LOCAL) -> np.ndarray:
    """(k, *thinned grid) as `around`, of k pairs: the windows are so wide that no more is to be seen."""
    return mean_products(pairs, thinning(pairs[0][0].shape), window)


def cholesky(
    products: dict[tuple[int, int], np.ndarray], size: int, least: float = 0.0
) -> dict[tuple[int, int], np.ndarray]:
    """(i, j), i >= j: the Cholesky factors of all places at once, given these products of ``size`` bands there.

    ``least`` is added to what is left of each band by those before it.
    """
    factor: dict[tuple[int, int], np.ndarray] = {}
    for i in range(size):
        for j in range(i + 1):
            rest = products[i, j] - sum(factor[i, k] * factor[j, k] for k in range(j))
            factor[i, j] = rest / factor[j, j] if j < i else np.sqrt(np.maximum(rest, 0) + np.float32(least))
    return factor


def step_of(shape: tuple[int, ...], cells: dict[int, int]) -> int:
    """Voxels that one cell spans on a grid of ``shape``; its shortest axis keeps three cells where it has them."""
    return max(1, min(-(-max(shape) // cells[len(shape)]), min(shape) // 3))


def outside(image: np.ndarray) -> float:
    """What lies around ``image``: the median of its outermost voxels (air, also of a negative)."""
    faces = [np.take(image, end, axis=axis).ravel() for axis in range(image.ndim) for end in (0, -1)]
    return float(np.median(np.concatenate(faces)))


def shrink(image: np.ndarray, step: int) -> np.ndarray:
    """Mean of blocks of ``step`` voxels along each axis; what is left over at the far ends is cut off."""
    return image if step == 1 else means(image, step)


def describe(structure: Structure, places: np.ndarray) -> np.ndarray:
    """(n, m) float32: how borders run around ``places`` (n, d) of cells; the same for an inverted image.

    The entries are smoothed products of the band's derivatives, which tell direction but not side.
    """
    derivatives, dims = slopes(structure.band), structure.band.ndim
    pairs = list(combinations_with_replacement(range(dims), 2))
    smooth = smoothed(np.stack([derivatives[i] * derivatives[j] for i, j in pairs]), 1.0, dims)
    smooth *= np.array([1 if i == j else 2**0.5 for i, j in pairs], np.float32).reshape(-1, *(1,) * dims)
    ways = np.array(list(product(REACH[dims], repeat=dims)))
    found = np.empty((len(places), len(pairs), len(ways)), np.float32)
    flat = (len(pairs), *(1,) * (3 - dims), *structure.band.shape)
    _gather(smooth.reshape(flat), _three(places), _three(ways), found)
    return found.reshape(len(places), -1)


def _three(cells: np.ndarray) -> np.ndarray:
    """(n, 3) of (n, d) whole numbers: zeros before them."""
    return np.pad(cells, [(0, 0), (3 - cells.shape[1], 0)])


@compiled
def _gather(bands: np.ndarray, places: np.ndarray, ways: np.ndarray, out: np.ndarray) -> None:
    """Write into ``out`` (n, k, w) what k bands show at n ``places`` moved in each of ``ways``; outside zero."""
    _, depth, height, width = bands.shape
    for n in range(len(places)):
        for w in range(len(ways)):
            z, y, x = places[n, 0] + ways[w, 0], places[n, 1] + ways[w, 1], places[n, 2] + ways[w, 2]
            there = 0 <= z < depth and 0 <= y < height and 0 <= x < width
            for k in range(len(bands)):
                out[n, k, w] = bands[k, z, y, x] if there else np.float32(0)
