"""Surface files: any reader gets the shape, the sidecar says what the numbers mean."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.hashing import hash_file
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.meshes import files
from medsynth_desktop.meshes.files import SUFFIXES, read_surface, sidecar_path, write_surface
from medsynth_desktop.meshes.surface import Surface, extract_surface


@pytest.fixture(scope="module")
def surface() -> Surface:
    """An egg far from the origin: long in y, its blunt pole up."""
    x, y, z = np.indices((24, 30, 26)) - np.array([12, 15, 13])[:, None, None, None]
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[:3, 3] = (-90, 30, 410)
    field = 10 - np.sqrt(x**2 + (y * 0.75) ** 2 + np.where(z > 0, z, 1.2 * z) ** 2)
    return extract_surface(Volume(field, affine, unit="HU"), 1.0)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_program_reads_the_same_closed_shape(surface: Surface, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"egg{suffix}"
    facts = write_surface(surface, path)
    mesh = trimesh.load(path, force="mesh")
    assert mesh.is_watertight
    scale = 1000 if suffix == ".glb" else 1
    assert mesh.volume * scale**3 == pytest.approx(surface.volume_mm3, rel=1e-4)
    assert len(mesh.faces) == len(surface.faces) == facts["faces"]
    back = np.array(facts["to_ras_mm"])
    millimetres = np.asarray(mesh.vertices) @ back[:3, :3].T + back[:3, 3]
    np.testing.assert_allclose(millimetres.min(axis=0), surface.vertices.min(axis=0), atol=1e-3)
    np.testing.assert_allclose(millimetres.max(axis=0), surface.vertices.max(axis=0), atol=1e-3)


def test_gltf_is_in_metres_with_the_head_up_and_the_face_forward(surface: Surface, tmp_path: Path) -> None:
    write_surface(surface, tmp_path / "egg.glb")
    vertices = np.asarray(trimesh.load(tmp_path / "egg.glb", force="mesh").vertices)
    right, front, up = surface.vertices.astype(float).T
    np.testing.assert_allclose(vertices.min(axis=0) * 1000, [-right.max(), up.min(), front.min()], atol=1e-3)
    assert np.linalg.det(files.RAS_TO_GLTF[:3, :3]) > 0  # turned, not mirrored


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_reading_back_gives_the_surface_and_its_facts(surface: Surface, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"egg{suffix}"
    write_surface(surface, path)
    again = read_surface(path)
    assert again.watertight
    assert again.area_mm2 == pytest.approx(surface.area_mm2, rel=1e-5)
    assert again.volume_mm3 == pytest.approx(surface.volume_mm3, rel=1e-5)
    assert (again.level, again.level_unit, again.smooth, again.unit) == (1.0, "HU", 20, "mm")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_sidecar_states_unit_frame_level_and_hash(surface: Surface, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"egg{suffix}"
    told = write_surface(surface, path)
    facts = json.loads(sidecar_path(path).read_text())
    assert facts == told
    assert facts["unit"] == ("m" if suffix == ".glb" else "mm")
    assert facts["frame"].startswith("glTF" if suffix == ".glb" else "RAS")
    assert facts["level"] == 1.0
    assert facts["watertight"] is True
    assert facts["sha256"] == hash_file(path)
    assert str(tmp_path) not in sidecar_path(path).read_text()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_surfaces_give_equal_bytes(surface: Surface, suffix: str) -> None:
    assert files.encoded(surface, suffix) == files.encoded(surface, suffix)


def test_an_open_surface_has_no_volume_in_its_sidecar(surface: Surface, tmp_path: Path) -> None:
    torn = surface.with_triangles(surface.vertices, surface.faces[1:])
    facts = write_surface(torn, tmp_path / "torn.ply")
    assert facts["watertight"] is False
    assert facts["volume_mm3"] is None


def test_stl_is_binary_and_holds_every_triangle(surface: Surface, tmp_path: Path) -> None:
    write_surface(surface, tmp_path / "egg.STL")
    assert (tmp_path / "egg.STL").stat().st_size == 84 + 50 * len(surface.faces)


@pytest.mark.parametrize("suffix", [".stl", ".obj"])
def test_blocks_join_without_a_seam_and_numbers_are_exact(
    surface: Surface, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    whole = files.encoded(surface, suffix)
    monkeypatch.setattr(files, "BLOCK_LINES", 100)
    monkeypatch.setattr(files, "BLOCK_TRIANGLES", 100)
    assert files.encoded(surface, suffix) == whole
    write_surface(surface, tmp_path / f"egg{suffix}")
    again = read_surface(tmp_path / f"egg{suffix}")
    np.testing.assert_array_equal(np.unique(again.vertices, axis=0), np.unique(surface.vertices, axis=0))
    assert b"millimetres, patient RAS" in whole[:80]


def test_stl_normals_point_outward(surface: Surface, tmp_path: Path) -> None:
    write_surface(surface, tmp_path / "egg.stl")
    mesh = trimesh.load(tmp_path / "egg.stl", process=False)
    written = np.frombuffer((tmp_path / "egg.stl").read_bytes()[84:], np.uint8).reshape(-1, 50)[:, :12]
    normals = np.ascontiguousarray(written).view("<f4")
    np.testing.assert_allclose(normals, mesh.face_normals, atol=1e-4)


def test_refusals_say_why(surface: Surface, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"\.stl, \.ply"):
        write_surface(surface, tmp_path / "egg.vtk")
    with pytest.raises(InputRefused, match="no triangles"):
        write_surface(surface.with_triangles(surface.vertices, surface.faces[:0]), tmp_path / "egg.stl")
    with pytest.raises(StoreFailed, match=r"egg\.stl could not be written") as refused:
        write_surface(surface, tmp_path / "missing" / "egg.stl")
    assert str(tmp_path) not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_changed_file_or_a_missing_sidecar_is_refused(surface: Surface, tmp_path: Path) -> None:
    path = tmp_path / "egg.ply"
    write_surface(surface, path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputRefused, match="not the file"):
        read_surface(path)
    sidecar_path(path).write_text("[]")
    with pytest.raises(InputRefused, match="sidecar"):
        read_surface(path)
    sidecar_path(path).unlink()
    with pytest.raises(InputRefused, match="sidecar"):
        read_surface(path)


def test_writing_over_an_old_file_replaces_it_whole(surface: Surface, tmp_path: Path) -> None:
    path = tmp_path / "egg.stl"
    path.write_bytes(b"old")
    write_surface(surface, path)
    assert read_surface(path).watertight
    assert sorted(p.name for p in tmp_path.iterdir()) == ["egg.stl", "egg.stl.json"]
