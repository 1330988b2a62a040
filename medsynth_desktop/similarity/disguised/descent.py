"""Gauss-Newton steps of an affine map that lays one image's values over another's, at a few hundred places."""

from __future__ import annotations

import numpy as np

from medsynth_desktop.similarity.disguised.interpolation import inside, low
from medsynth_desktop.similarity.loops.compiled import compiled

STILL = 0.05
"""Cells that a step must move any corner of the image, or it was the last."""
MOST = 2.0
"""What a step may change of any number of the map, at most, in cells at the reach of the places."""
MOST_SCALE = 4.0
"""Change of volume beyond which a map has lost its way."""
HELD = 0.01
"""Share of the mean curvature that is added to each."""


@compiled
def draw(weight: np.ndarray, near: np.ndarray, draws: np.ndarray, chosen: np.ndarray) -> bool:
    """Write cells of a grid, drawn by ``weight`` times ``near`` there, into ``chosen``; False if all is zero.

    A cell is chosen as often as one of the sorted ``draws`` (0 to 1) falls on it.
    """
    odds, by, total = weight.reshape(-1), near.reshape(-1), 0.0
    for cell in range(len(odds)):
        total += odds[cell] * by[cell]
    if not total > 0:
        return False
    cell, passed = 0, float(odds[0] * by[0])
    for n in range(len(draws)):
        while passed <= draws[n] * total and cell < len(odds) - 1:
            cell += 1
            passed += odds[cell] * by[cell]
        chosen[n] = cell
    return True


@compiled
def descend(
    image: np.ndarray,
    places: np.ndarray,
    values: np.ndarray,
    corner: np.ndarray,
    matrix: np.ndarray,
    offset: np.ndarray,
    best_matrix: np.ndarray,
    best_offset: np.ndarray,
    best: float,
    steps: int,
    judged: bool,
) -> float:
    """Move ``matrix`` (3, 3) and ``offset`` (3,) until ``image`` shows at the mapped places what ``values`` say.

    Parameters
    ----------
    image
        (z, y, x) float32; one slice where it has two dimensions.
    places, values
        (n, 3) cells of the other image, and (n,) what it shows there.
    corner
        (3,) its last cell.
    best_matrix, best_offset, best
        The best map so far and its correlation, negative where one image is the other's negative; where the steps are
        ``judged``, better ones are written there, and their correlation is returned.
    steps
        As many, at most.
    """
    n, first = len(places), 0 if image.shape[0] > 1 else 1
    centre, reach = _about(places, first)
    arms = np.ones((n, 4))
    for p in range(n):
        for axis in range(3):
            arms[p, 1 + axis] = (places[p, axis] - centre[axis]) / reach
    seen, move = np.empty((n, 4)), np.zeros((3, 4))
    for _ in range(steps):
        alike, gain = look(image, places, values, matrix, offset, seen)
        if judged and abs(alike) >= abs(best):
            best = alike
            best_matrix[:], best_offset[:] = matrix, offset
        _solve(seen, values, arms, gain, 1.0 if alike >= 0 else -1.0, first, move)
        far = 0.0
        for axis in range(3):
            shift = move[axis, 0]
            for along in range(3):
                turn = move[axis, 1 + along] / reach
                matrix[axis, along] += turn
                shift -= turn * centre[along]
            offset[axis] += shift
            low_end = high_end = shift
            for along in range(3):
                by = move[axis, 1 + along] / reach * corner[along]
                low_end, high_end = low_end + min(by, 0.0), high_end + max(by, 0.0)
            far = max(far, max(abs(low_end), abs(high_end)))
        if far < STILL:
            break
        if not 1 / MOST_SCALE < _volume(matrix) < MOST_SCALE:
            matrix[:], offset[:] = best_matrix, best_offset
    return best


@compiled
def look(
    image: np.ndarray,
    places: np.ndarray,
    values: np.ndarray,
    matrix: np.ndarray,
    offset: np.ndarray,
    seen: np.ndarray,
) -> tuple[float, float]:
    """Write what ``image`` shows at the mapped places into ``seen`` (n, 4): its value, and its slopes; outside zero.

    Returns the correlation of the values with ``values``, and the gain that gives them the same norm.
    """
    n = len(places)
    mean = own = total = squares = both = 0.0
    for p in range(n):
        z = (
            matrix[0, 0] * places[p, 0]
            + matrix[0, 1] * places[p, 1]
            + matrix[0, 2] * places[p, 2]
            + offset[0]
        )
        y = (
            matrix[1, 0] * places[p, 0]
            + matrix[1, 1] * places[p, 1]
            + matrix[1, 2] * places[p, 2]
            + offset[1]
        )
        x = (
            matrix[2, 0] * places[p, 0]
            + matrix[2, 1] * places[p, 1]
            + matrix[2, 2] * places[p, 2]
            + offset[2]
        )
        if inside(z, y, x, image.shape):
            _value_and_slopes(image, z, y, x, seen[p])
        else:
            seen[p] = 0.0
        value, there = values[p], seen[p, 0]
        mean, own = mean + value, own + value * value
        total, squares, both = total + there, squares + there * there, both + value * there
    norms = np.sqrt(max(own - mean * mean / n, 0.0) * max(squares - total * total / n, 0.0))
    return (both - mean * total / n) / max(norms, 1e-12), np.sqrt(own) / max(np.sqrt(squares), 1e-9)


@compiled
def _value_and_slopes(image: np.ndarray, z: float, y: float, x: float, out: np.ndarray) -> None:
    """Write what ``image`` shows at a place inside it, and how that changes along each axis, into ``out`` (4,).

    Slopes are central differences of cells, interpolated as the cells are; at the ends of an axis they are one-sided.
    """
    depth, height, width = image.shape
    i, j, k = low(z, depth), low(y, height), low(x, width)
    out[:] = 0.0
    for a in range(2):
        u = min(i + a, depth - 1)
        above, below = min(u + 1, depth - 1), max(u - 1, 0)
        in_z, per_z = abs(1 - a - (z - i)), 1.0 / max(above - below, 1)
        for b in range(2):
            v = min(j + b, height - 1)
            behind, before = min(v + 1, height - 1), max(v - 1, 0)
            in_y, per_y = in_z * abs(1 - b - (y - j)), 1.0 / max(behind - before, 1)
            for c in range(2):
                w = min(k + c, width - 1)
                right, left = min(w + 1, width - 1), max(w - 1, 0)
                share, per_x = in_y * abs(1 - c - (x - k)), 1.0 / max(right - left, 1)
                out[0] += share * image[u, v, w]
                out[1] += share * per_z * (image[above, v, w] - image[below, v, w])
                out[2] += share * per_y * (image[u, behind, w] - image[u, before, w])
                out[3] += share * per_x * (image[u, v, right] - image[u, v, left])


@compiled
def _solve(
    seen: np.ndarray,
    values: np.ndarray,
    arms: np.ndarray,
    gain: float,
    sign: float,
    first: int,
    move: np.ndarray,
) -> None:
    """Write a step into ``move`` (3, 4): each axis's shift, and its turns in reaches, from the axis ``first`` on.

    Weights forgive places where the images differ.
    """
    dims = 3 - first
    size = dims * (dims + 1)
    normal, right, row = np.zeros((size, size)), np.zeros(size), np.empty(size)
    for p in range(len(values)):
        rest = sign * values[p] - gain * seen[p, 0]
        weight = 1 / (1 + rest * rest)
        for axis in range(dims):
            slope = gain * seen[p, 1 + first + axis]
            row[axis * (dims + 1)] = slope
            for along in range(dims):
                row[axis * (dims + 1) + 1 + along] = slope * arms[p, 1 + first + along]
        for i in range(size):
            weighted = weight * row[i]
            right[i] += weighted * rest
            for j in range(i + 1):
                normal[i, j] += weighted * row[j]
    trace = 0.0
    for i in range(size):
        trace += normal[i, i]
    for i in range(size):
        normal[i, i] += HELD * trace / size + 1e-9
    _solved(normal, right)
    for axis in range(dims):
        for along in range(-1, dims):
            step = min(max(right[axis * (dims + 1) + 1 + along], -MOST), MOST)
            move[first + axis, 0 if along < 0 else 1 + first + along] = step


@compiled
def _solved(normal: np.ndarray, right: np.ndarray) -> None:
    """Solve ``normal @ x = right`` in place of ``right``; of the positive definite ``normal`` its lower half."""
    size = len(right)
    for i in range(size):
        for j in range(i + 1):
            rest = normal[i, j]
            for k in range(j):
                rest -= normal[i, k] * normal[j, k]
            normal[i, j] = np.sqrt(max(rest, 1e-30)) if i == j else rest / normal[j, j]
        for k in range(i):
            right[i] -= normal[i, k] * right[k]
        right[i] /= normal[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[i] -= normal[k, i] * right[k]
        right[i] /= normal[i, i]


@compiled
def _about(places: np.ndarray, first: int) -> tuple[np.ndarray, float]:
    """The mean of ``places``, and how far they lie from it: a turn by one reach weighs as a shift does."""
    n, centre, spread = len(places), np.zeros(3), 0.0
    for p in range(n):
        for axis in range(first, 3):
            centre[axis] += places[p, axis] / n
    for p in range(n):
        for axis in range(first, 3):
            spread += (places[p, axis] - centre[axis]) ** 2
    return centre, max(np.sqrt(spread / (n * (3 - first))), 1.0)


@compiled
def _volume(matrix: np.ndarray) -> float:
    """The determinant of a (3, 3) matrix."""
    return float(
        matrix[0, 0] * (matrix[1, 1] * matrix[2, 2] - matrix[1, 2] * matrix[2, 1])
        - matrix[0, 1] * (matrix[1, 0] * matrix[2, 2] - matrix[1, 2] * matrix[2, 0])
        + matrix[0, 2] * (matrix[1, 0] * matrix[2, 1] - matrix[1, 1] * matrix[2, 0])
    )
