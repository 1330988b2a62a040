"""Surfaces of shapes whose area, volume, place and genus are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats.read import read_volume
from medsynth_desktop.meshes import topology
from medsynth_desktop.meshes.surface import Surface, extract_surface, surface_steps

RADIUS = 12.0


def sphere_field(
    centre: tuple[float, float, float], affine: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """RADIUS at ``centre`` (mm), falling by 1 a millimetre: 0 on the sphere."""
    index = np.indices(shape).reshape(3, -1)
    points = affine[:3, :3] @ index + affine[:3, 3:]
    distance = np.linalg.norm(points - np.array(centre)[:, None], axis=0)
    return (RADIUS - distance).reshape(shape).astype(np.float32)


def turned(spacing: tuple[float, float, float], angles: tuple[float, float]) -> np.ndarray:
    """Affine with these voxel sizes, turned about z, then x."""
    (a, b), affine = angles, np.eye(4)
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine[:3, :3] = about_x @ about_z @ np.diag(spacing)
    affine[:3, 3] = (-100.0, 40.0, 900.0)
    return affine


AFFINES = {
    "plain": np.eye(4),
    "oblique": turned((0.9, 1.1, 1.4), (0.4, 0.3)),
    "mirrored": np.diag([-1.0, 1.0, 1.0, 1.0]),
    "oblique and mirrored": turned((0.9, 1.1, -1.4), (0.4, 0.3)),
    "permuted": np.array([[0, 0, 1.2, 5], [1, 0, 0, -7], [0, 1.1, 0, 3], [0, 0, 0, 1.0]]),
}


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
@pytest.mark.parametrize("smooth", [0, 20])
def test_a_sphere_has_its_area_volume_and_centre_in_patient_millimetres(
    affine: np.ndarray, smooth: int
) -> None:
    shape = (36, 34, 32)
    centre = tuple((affine @ [*(np.array(shape) / 2), 1])[:3])
    surface = extract_surface(Volume(sphere_field(centre, affine, shape), affine), 0.0, smooth=smooth)
    assert surface.watertight
    assert surface.area_mm2 == pytest.approx(4 * np.pi * RADIUS**2, rel=0.015)
    assert surface.volume_mm3 == pytest.approx(
        4 / 3 * np.pi * RADIUS**3, rel=0.015
    )  # positive: normals outward
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    np.testing.assert_allclose(mesh.center_mass, centre, atol=0.05)
    outward = ((mesh.triangles_center - np.array(centre)) * mesh.face_normals).sum(axis=1)
    assert (outward > 0).all()
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert trimesh.Trimesh(surface.vertices, surface.faces, process=False).euler_number == 2


def test_without_smoothing_every_vertex_lies_on_the_level() -> None:
    surface = extract_surface(Volume(sphere_field((16, 16, 16), np.eye(4), (33, 33, 33))), 0.0, smooth=0)
    distance = np.linalg.norm(surface.vertices - 16, axis=1)
    np.testing.assert_allclose(distance, RADIUS, atol=0.03)  # linear interpolation of a curved field


def test_a_torus_has_one_hole() -> None:
    x, y, z = np.indices((40, 40, 20)) - np.array([20, 20, 10])[:, None, None, None]
    field = 5.0 - np.hypot(np.hypot(x, y) - 11, z)
    surface = extract_surface(Volume(field), 0.0)
    assert surface.watertight
    assert trimesh.Trimesh(surface.vertices, surface.faces, process=False).euler_number == 0
    assert surface.volume_mm3 == pytest.approx(2 * np.pi**2 * 11 * 5**2, rel=0.02)


def test_what_touches_the_border_is_closed() -> None:
    block = np.zeros((10, 10, 10), np.uint8)
    block[:6, :, 3:] = 200
    surface = extract_surface(Volume(block), 100, smooth=0)
    assert surface.watertight
    cut = 4 * (6 + 10 + 7) / 8  # along each edge a prism of 1/2 x 1/2 x 1/2 voxel is taken off
    assert surface.volume_mm3 == pytest.approx(6 * 10 * 7 - cut, abs=1)


def test_two_bodies_are_two_closed_surfaces() -> None:
    array = np.zeros((20, 10, 10))
    array[2:6, 2:8, 2:8] = array[12:18, 2:8, 2:8] = 1
    surface = extract_surface(Volume(array))
    assert surface.watertight
    assert trimesh.Trimesh(surface.vertices, surface.faces, process=False).euler_number == 4


@given(
    seed=st.integers(0, 2**32 - 1),
    values=st.integers(2, 5),
    shape=st.tuples(*[st.integers(2, 9)] * 3),
    smooth=st.sampled_from([0, 20]),
    mirrored=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_label_map_gives_a_closed_surface_at_any_of_its_values(
    seed: int, values: int, shape: tuple[int, int, int], smooth: int, mirrored: bool
) -> None:
    array = np.random.default_rng(seed).integers(0, values, shape).astype(np.int16)
    array.flat[0], array.flat[-1] = 0, values - 1
    affine = np.diag([-0.7 if mirrored else 0.7, 1.0, 2.0, 1.0])
    for level in range(1, values):
        surface = extract_surface(Volume(array, affine), level, smooth=smooth)
        assert surface.watertight
        if smooth == 0:  # smoothing may turn a lone voxel of noise inside out
            assert surface.volume_mm3 > 0
        assert trimesh.Trimesh(surface.vertices, surface.faces, process=False).is_watertight


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", ">i2", "uint16", "int64", "float16", "float64", ">f4"]
)
def test_every_kind_of_number_gives_the_same_cube(dtype: str) -> None:
    array = np.zeros((8, 8, 8), dtype)
    array[2:6, 2:6, 2:6] = 1
    surface = extract_surface(Volume(array), 0.5, smooth=0)
    assert surface.watertight
    assert surface.area_mm2 == pytest.approx(
        extract_surface(Volume(array.astype("float32")), 0.5, smooth=0).area_mm2
    )


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_does_not_matter(order: str) -> None:
    array = np.asarray(sphere_field((15, 13, 11), np.eye(4), (31, 27, 24)), order=order)  # type: ignore[call-overload]
    surface = extract_surface(Volume(array[::-1]), 0.0)
    np.testing.assert_allclose(surface.vertices.mean(axis=0), (15, 13, 11), atol=0.1)


@pytest.mark.parametrize("level", [-1.0, 0.0, 5.5, np.nan, np.inf])
def test_a_level_outside_the_range_is_refused_with_the_range(level: float) -> None:
    array = np.zeros((4, 4, 4))
    array[1, 1, 1] = 5
    with pytest.raises(InputRefused, match="runs from 0 to 5 HU"):
        extract_surface(Volume(array, unit="HU"), level)


def test_flat_broken_and_thin_volumes_are_refused_in_words() -> None:
    with pytest.raises(InputRefused, match="contrast"):
        extract_surface(Volume(np.full((4, 4, 4), 7.0)))
    holed = np.random.default_rng(0).random((4, 4, 4))
    holed[2, 2, 2] = np.nan
    with pytest.raises(InputRefused, match="not numbers"):
        extract_surface(Volume(holed))
    with pytest.raises(InputRefused, match="at least 2 voxels"):
        extract_surface(Volume(np.random.default_rng(0).random((9, 9, 1))))
    with pytest.raises(InputRefused, match="real numbers"):
        extract_surface(Volume(np.ones((4, 4, 4), complex)))
    with pytest.raises(InputRefused, match="0 to 200"):
        extract_surface(Volume(np.random.default_rng(0).random((4, 4, 4))), smooth=-1)


def test_an_image_without_millimetres_says_so() -> None:
    array = np.random.default_rng(0).random((5, 5, 5))
    assert extract_surface(Volume(array, spaced=False), 0.5).unit == "px"


def test_steps_tell_how_far_they_are() -> None:
    told = list(surface_steps(Volume(sphere_field((9, 9, 9), np.eye(4), (19, 19, 19))), 6.0))
    assert [p.done for p in told] == sorted(p.done for p in told)
    assert all(p.message for p in told)
    assert told[-1].fraction == 1


def test_a_hole_a_double_triangle_and_a_turned_triangle_are_not_watertight() -> None:
    cube = trimesh.creation.box()
    vertices, faces = np.asarray(cube.vertices, np.float32), np.asarray(cube.faces, np.int32)
    assert Surface.of(vertices, faces, 0.0).watertight
    assert not Surface.of(vertices, faces[1:], 0.0).watertight
    assert not Surface.of(vertices, np.vstack([faces, faces[:1]]), 0.0).watertight
    assert not Surface.of(vertices, np.vstack([faces[1:], faces[:1, ::-1]]), 0.0).watertight
    assert not Surface.of(vertices, faces[:0], 0.0).watertight


def test_welding_joins_a_soup_of_triangles_and_drops_collapsed_ones() -> None:
    cube = trimesh.creation.box()
    soup = np.asarray(cube.triangles, np.float32).reshape(-1, 3)
    soup[soup == 0.5] = 0.5
    vertices, faces = topology.weld(soup, np.arange(len(soup)).reshape(-1, 3))
    assert len(vertices) == 8
    assert topology.is_watertight(faces, len(vertices))
    _, kept = topology.weld(soup, np.vstack([np.arange(len(soup)).reshape(-1, 3), [[0, 0, 1]]]))
    assert len(kept) == len(faces)


@pytest.mark.realdata
def test_a_real_head_is_closed_and_as_large_as_a_head(shared_data: Path) -> None:
    volume = read_volume(sorted((shared_data / "ixi-t1-2mm").rglob("*.nii.gz"))[0])
    surface = extract_surface(volume)
    assert surface.watertight
    extent = np.ptp(surface.vertices, axis=0)
    assert (extent > 100).all()
    assert (extent < 300).all()
    assert 1e6 < surface.volume_mm3 < 8e6  # 1 to 8 litres: head, without and with neck
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    assert mesh.is_watertight


@pytest.mark.realdata
def test_a_real_hippocampus_label_has_the_volume_of_its_voxels(shared_data: Path) -> None:
    label = read_volume(sorted((shared_data / "mr-hippocampus" / "labels").rglob("*.nii.gz"))[0])
    surface = extract_surface(label, 0.5)
    voxels = float((label.array > 0).sum() * np.prod(label.spacing))
    assert surface.watertight
    assert surface.volume_mm3 == pytest.approx(voxels, rel=0.1)
    inside = np.argwhere(label.array > 0)
    centre = (label.affine @ [*inside.mean(axis=0), 1])[:3]
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    np.testing.assert_allclose(mesh.center_mass, centre, atol=0.5)
