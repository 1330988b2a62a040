"""Surface files: STL, PLY, OBJ and GLB, each with a sidecar that says what the numbers mean.

None of these formats carries a unit or a patient frame that readers agree on, so ``head.stl`` comes with
``head.stl.json``: unit, frame, level, whether the surface is closed, and the hash of the file it describes.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.hashing import hash_bytes
from medsynth_desktop.meshes.surface import Surface

SUFFIXES = (".stl", ".ply", ".obj", ".glb")
_FRAME = {"mm": "MedSynth surface in millimetres, patient RAS", "px": "MedSynth surface in pixels"}
BLOCK_LINES, BLOCK_TRIANGLES = 4096, 65_536
RAS_TO_GLTF = np.array([[-1e-3, 0, 0, 0], [0, 0, 1e-3, 0], [0, 1e-3, 0, 0], [0, 0, 0, 1.0]])
"""Millimetres RAS to glTF 2.0: metres, +Y up (superior), +Z forward (anterior), -X the asset's right."""


def write_surface(surface: Surface, path: Path) -> dict[str, Any]:
    """Write ``surface`` by the suffix of ``path`` and its sidecar ``<name>.json`` beside it, each atomically.

    STL (binary), PLY (binary) and OBJ keep patient millimetres RAS; GLB is turned and scaled to metres, Y
    up, as glTF demands, and its sidecar says how to come back.

    Returns
    -------
    dict
        What the sidecar says.

    Raises
    ------
    InputRefused
        Another suffix, or a surface without triangles.
    StoreFailed
        The folder is missing, read-only or full; nothing half-written stays.
    """
    path = Path(path)
    suffix = checked_suffix(path)
    if len(surface.faces) == 0:
        raise InputRefused("The surface has no triangles; choose another level.")
    data = encoded(surface, suffix)
    facts = describe(surface, suffix, data)
    _replace(path, data)
    _replace(sidecar_path(path), (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode())
    return facts


def checked_suffix(path: Path) -> str:
    """Suffix of ``path``, lower case; ask before a surface is made, which may take a minute.

    Raises
    ------
    InputRefused
        When surfaces are not written under it.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputRefused(
            f"Surfaces are written as {', '.join(SUFFIXES)}; got {path.suffix or 'no suffix'!r}."
        )
    return suffix


def sidecar_path(path: Path) -> Path:
    """``head.stl`` -> ``head.stl.json``."""
    return path.with_name(path.name + ".json")


def encoded(surface: Surface, suffix: str) -> bytes:
    """Bytes of a surface file; the same surface gives the same bytes.

    STL and OBJ are put together here in blocks: trimesh makes them in one call that keeps Python's lock, for
    seconds where there are a million triangles, which would freeze the window.
    """
    if suffix == ".obj":
        return b"".join(_obj(surface))
    if suffix == ".stl":
        return b"".join(_stl(surface))
    import trimesh

    vertices = surface.vertices
    if suffix == ".glb":
        vertices = vertices.astype(np.float64) @ RAS_TO_GLTF[:3, :3].T
    mesh = trimesh.Trimesh(vertices, surface.faces, process=False, validate=False)
    if suffix == ".glb":
        return bytes(mesh.export(file_type="glb", include_normals=False))
    return bytes(mesh.export(file_type="ply", encoding="binary", vertex_normal=False))


def _obj(surface: Surface) -> Iterator[bytes]:
    """Wavefront OBJ in blocks of lines, every float32 exact."""
    yield f"# {_FRAME[surface.unit]}\n".encode()
    for line, rows in (("v %.9g %.9g %.9g\n", surface.vertices), ("f %d %d %d\n", surface.faces + 1)):
        for start in range(0, len(rows), BLOCK_LINES):
            part = rows[start : start + BLOCK_LINES]
            yield (line * len(part) % tuple(part.ravel().tolist())).encode()


def _stl(surface: Surface) -> Iterator[bytes]:
    """Binary STL in blocks of triangles: 80 bytes of text, their count, then 50 bytes each."""
    yield _FRAME[surface.unit].encode().ljust(80) + np.uint32(len(surface.faces)).astype("<u4").tobytes()
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])
    for start in range(0, len(surface.faces), BLOCK_TRIANGLES):
        corners = surface.vertices[surface.faces[start : start + BLOCK_TRIANGLES]]
        a, b, c = corners.astype(np.float64).transpose(1, 0, 2)
        normals = np.cross(b - a, c - a)
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        block = np.zeros(len(corners), record)
        block["normal"] = np.divide(normals, length, out=np.zeros_like(normals), where=length > 0)
        block["corners"] = corners
        yield block.tobytes()


def describe(surface: Surface, suffix: str, data: bytes) -> dict[str, Any]:
    """Sidecar of a surface file; ``to_ras_mm`` (4x4 rows) brings its numbers to patient millimetres."""
    gltf = suffix == ".glb"
    back = np.linalg.inv(RAS_TO_GLTF) if gltf else np.eye(4)
    lengths = {"mm": "mm", "px": "px"} if not gltf else {"mm": "m", "px": "px/1000"}
    return {
        "format": "medsynth-surface",
        "version": 1,
        "unit": lengths[surface.unit],
        "frame": "glTF: +Y patient superior, +Z anterior, -X right"
        if gltf
        else "RAS: +x right, +y anterior, +z superior",
        "to_ras_mm": np.round(back, 6).tolist(),
        "spaced": surface.unit == "mm",
        "level": surface.level,
        "level_unit": surface.level_unit,
        "smooth": surface.smooth,
        "specks_left_out": surface.specks,
        "vertices": len(surface.vertices),
        "faces": len(surface.faces),
        "watertight": surface.watertight,
        "area_mm2": surface.area_mm2,
        "volume_mm3": surface.volume_mm3 if surface.watertight else None,
        "sha256": hash_bytes(data),
    }


def read_surface(path: Path) -> Surface:
    """Read a surface file that has a sidecar back into patient millimetres, checked anew.

    Raises
    ------
    InputRefused
        No such file, no sidecar, one that describes other bytes, or triangles that cannot be read.
    """
    import trimesh

    try:
        data = path.read_bytes()
        facts = json.loads(sidecar_path(path).read_text("utf-8"))
        back = np.array(facts["to_ras_mm"], np.float64).reshape(4, 4)
        level, told = float(facts["level"]), str(facts["sha256"])
        known: dict[str, Any] = {"level_unit": str(facts["level_unit"]), "smooth": int(facts["smooth"])}
        known["unit"] = "mm" if facts["spaced"] else "px"
        known["specks"] = int(facts.get("specks_left_out", 0))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputRefused(
            f"{path.name} cannot be read as a surface: it needs a readable sidecar {path.name}.json that "
            "states unit and frame."
        ) from error
    if hash_bytes(data) != told:
        raise InputRefused(
            f"{path.name} is not the file that its sidecar describes (other hash); export it again."
        )
    mesh = trimesh.load(path, force="mesh", process=False)
    vertices = np.asarray(mesh.vertices, np.float64) @ back[:3, :3].T + back[:3, 3]
    from medsynth_desktop.meshes.topology import weld

    return Surface.of(*weld(vertices, np.asarray(mesh.faces)), level, **known)


def _replace(path: Path, data: bytes) -> None:
    """Write to a neighbour, flush it to the disk, then rename over ``path``."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            if temporary:
                os.unlink(temporary)
        reason = error.strerror or "the disk refused"
        raise StoreFailed(
            f"{path.name} could not be written ({reason}); "
            "check that its folder exists, has room and may be written."
        ) from error
