"""What a triangle mesh is as a shape: closed or not, its genus, area and volume. Plain numpy, no VTK."""

from __future__ import annotations

import numpy as np


def is_watertight(faces: np.ndarray, vertex_count: int) -> bool:
    """Whether ``faces`` (m, 3) close a volume.

    True when every edge belongs to exactly two triangles and these run along it in opposite directions, so
    that inside and outside are defined everywhere. A mesh without triangles closes nothing.
    """
    if len(faces) == 0 or len(faces) % 2:
        return False
    start = faces.astype(np.int64, copy=False).ravel()
    end = np.roll(faces, -1, axis=1).astype(np.int64, copy=False).ravel()
    # One number for each directed edge; the two directions of an edge are neighbours, 2k and 2k + 1.
    keys = 2 * (np.minimum(start, end) * np.int64(vertex_count) + np.maximum(start, end)) + (start > end)
    keys.sort()
    return bool(np.array_equal(keys[::2] + 1, keys[1::2]) and not (keys[::2] & 1).any())


def area_and_volume(vertices: np.ndarray, faces: np.ndarray) -> tuple[float, float]:
    """Area and signed volume, in the square and cube of the vertices' unit.

    The volume follows from the divergence theorem, is positive when normals point outward, and means something
    when the mesh is closed.
    """
    if len(faces) == 0:
        return 0.0, 0.0
    areas, volumes = _of_each(vertices, faces)
    return float(areas.sum()), float(volumes.sum())


def _of_each(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(m,) area of each triangle, and signed volume between it and the middle of all vertices."""
    centred = vertices.astype(np.float64) - vertices.mean(axis=0, dtype=np.float64)
    a, b, c = (centred[faces[:, corner]] for corner in range(3))
    crosses = np.cross(b - a, c - a)  # outward, twice the triangle's area long
    return np.sqrt((crosses * crosses).sum(axis=1)) / 2, (a * crosses).sum(axis=1) / 6


def without_specks(
    vertices: np.ndarray, faces: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Leave out pieces, and cavities, that enclose less than ``share`` of what the largest piece does.

    A piece is what edges connect. Returns the vertices that remain, their faces, and how many pieces went.
    """
    if len(faces) == 0:
        return vertices, faces, 0
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.ones(2 * len(faces), bool), (faces[:, :2].ravel("F"), faces[:, 1:].ravel("F"))
    count, piece = connected_components(coo_array(ends, shape=(len(vertices),) * 2), directed=False)
    _, volumes = _of_each(vertices, faces)
    enclosed = np.abs(np.bincount(piece[faces[:, 0]], volumes, minlength=count))
    stays = enclosed >= share * enclosed.max()
    used = np.bincount(piece[faces[:, 0]], minlength=count) > 0
    kept = stays[piece]
    number = np.cumsum(kept) - 1
    return vertices[kept], number[faces[kept[faces[:, 0]]]].astype(np.int32), int((used & ~stays).sum())


def weld(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merge vertices with identical float32 coordinates and drop triangles that thereby lose a corner.

    This is what any reader of an STL file does, so a mesh judged after welding is judged as others will see
    it.
    """
    vertices = np.ascontiguousarray(vertices, dtype=np.float32) + np.float32(0)  # -0.0 becomes 0.0
    if len(vertices) == 0:
        return vertices, np.zeros((0, 3), np.int32)
    bits = vertices.view(np.uint32).astype(np.uint64)
    keys = bits @ np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
    ordered = np.sort(keys)
    if not (ordered[1:] == ordered[:-1]).any():
        return vertices, faces.astype(np.int32, copy=False)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    if not np.array_equal(vertices[first[inverse]], vertices):  # two positions share a key: compare in full
        _, first, inverse = np.unique(vertices, axis=0, return_index=True, return_inverse=True)
    if len(first) == len(vertices):
        return vertices, faces.astype(np.int32, copy=False)
    order = np.argsort(first)  # keep the first occurrences in their order
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    merged = rank[inverse.ravel()][faces].astype(np.int32)
    a, b, c = merged.T
    return vertices[first[order]], merged[(a != b) & (b != c) & (c != a)]
