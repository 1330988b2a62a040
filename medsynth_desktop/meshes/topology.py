"""What a triangle mesh is as a shape: closed or not, its genus, area and volume. Plain numpy, no VTK."""

from __future__ import annotations

import numpy as np


def edge_keys(faces: np.ndarray, vertex_count: int) -> np.ndarray:
    """(3 m,) int64: one number for each directed edge a -> b of ``faces`` (m, 3), namely ``a * n + b``."""
    start = faces.astype(np.int64, copy=False).ravel()
    end = np.roll(faces, -1, axis=1).astype(np.int64, copy=False).ravel()
    return start * np.int64(vertex_count) + end


def is_watertight(faces: np.ndarray, vertex_count: int) -> bool:
    """Whether ``faces`` (m, 3) close a volume.

    True when every edge belongs to exactly two triangles and these run along it in opposite directions, so
    that inside and outside are defined everywhere. A mesh without triangles closes nothing.
    """
    if len(faces) == 0:
        return False
    directed = np.sort(edge_keys(faces, vertex_count))
    if (directed[1:] == directed[:-1]).any():
        return False
    reversed_ = np.sort(edge_keys(faces[:, ::-1], vertex_count))
    return bool(np.array_equal(directed, reversed_))


def euler_characteristic(faces: np.ndarray) -> int:
    """Vertices - edges + triangles, vertices in use: 2 for a sphere, 0 for a torus, 4 for two spheres."""
    used, compact = np.unique(faces, return_inverse=True)
    both = np.sort(compact.reshape(-1, 3)[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1).astype(np.int64)
    edges = np.unique(both[:, 0] * len(used) + both[:, 1])
    return int(len(used) - len(edges) + len(faces))


def area(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Sum of the triangles' areas, in the square of the vertices' unit."""
    return float(np.linalg.norm(_crosses(vertices, faces), axis=1).sum() / 2)


def enclosed_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Signed volume by the divergence theorem; positive when normals point outward. For closed meshes."""
    if len(faces) == 0:
        return 0.0
    centred = vertices.astype(np.float64) - vertices.mean(axis=0, dtype=np.float64)
    return float(np.einsum("ij,ij->", centred[faces[:, 0]], _crosses(centred, faces)) / 6)


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


def _crosses(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(m, 3) cross products of two sides, outward and twice the area long."""
    first = vertices[faces[:, 0]].astype(np.float64, copy=False)
    return np.cross(vertices[faces[:, 1]] - first, vertices[faces[:, 2]] - first)
