"""Volumes and surfaces in napari: where voxels are drawn, and that nothing of it is lost."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from medsynth_desktop.core.records import Recipe
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.orientation import letters
from medsynth_desktop.qt.viewer import (
    VOLUME_KEY,
    contrast_limits,
    layer_data,
    show_surface,
    show_volume,
    volume_of,
    volume_of_data,
)

SHAPE = (7, 9, 5)


def marked() -> np.ndarray:
    """Zeros, and 1 at the right, front, top corner of a RAS array."""
    array = np.zeros(SHAPE, np.float32)
    array[-1, -1, -1] = 1
    return array


def oblique(degrees: float) -> np.ndarray:
    turn = np.radians(degrees)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return affine @ np.diag([2.0, 2.0, 3.0, 1.0])


def test_right_front_top_is_drawn_first() -> None:
    array, attributes, kind = layer_data(Volume(marked(), np.diag([1.0, 2.0, 3.0, 1.0])), "v")
    assert kind == "image"
    assert array.shape == (5, 9, 7)
    assert array[0, 0, 0] == 1
    assert attributes["scale"] == (3, 2, 1)
    assert attributes["units"] == ("mm",) * 3


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (-1, -1, 1), (1, -1, -1), (-1, -1, -1)])
def test_file_axes_do_not_matter(flips: tuple[int, int, int]) -> None:
    steps = tuple(slice(None, None, f) for f in flips)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    flipped = affine.copy()
    for axis, flip in enumerate(flips):
        if flip < 0:
            flipped[axis, 3] += affine[axis, axis] * (SHAPE[axis] - 1)
            flipped[axis, axis] *= -1
    one, two = layer_data(Volume(marked(), affine), "v"), layer_data(Volume(marked()[steps], flipped), "v")
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_allclose(one[1]["translate"], two[1]["translate"])


def test_patient_stays_out_of_the_layer() -> None:
    volume = Volume(marked(), patient="Doe^Jane")
    _, attributes, _ = layer_data(volume, "v")
    assert attributes["metadata"][VOLUME_KEY].patient is None
    assert "Doe" not in repr(attributes)


def test_what_is_drawn_is_saved_in_its_true_frame() -> None:
    volume = Volume(np.random.default_rng(1).random(SHAPE).astype(np.float32), oblique(20))
    array, attributes, _ = layer_data(volume, "v")
    back = volume_of_data(array, attributes["metadata"], attributes["scale"], attributes["translate"])
    np.testing.assert_array_equal(back.array, volume.canonical().array)
    np.testing.assert_allclose(back.affine, volume.canonical().affine)


def test_foreign_layer_goes_round() -> None:
    array = np.random.default_rng(2).random((5, 9, 7)).astype(np.float32)
    volume = volume_of_data(array, {}, (3, 2, 1), (-10.0, 4.0, 6.0))
    again, attributes, _ = layer_data(volume, "v")
    np.testing.assert_array_equal(again, array)
    np.testing.assert_allclose(attributes["translate"], (-10, 4, 6))


@pytest.mark.parametrize("thin", [0, 1, 2])
def test_a_slice_is_a_picture(thin: int) -> None:
    shape = [6, 7, 8]
    shape[thin] = 1
    array, attributes, _ = layer_data(Volume(np.zeros(shape, np.uint8)), "v")
    assert array.shape == tuple(n for n in reversed(shape) if n > 1)
    assert len(attributes["scale"]) == 2


def test_surface_of_an_oblique_volume_lies_on_it(viewer) -> None:
    volume = Volume(marked(), oblique(25))
    layer = show_volume(viewer, volume, "head")
    corners = np.array([[0, 0, 0, 1], [6, 8, 4, 1], [6, 0, 0, 1]], float)
    surface = SimpleNamespace(vertices=(corners @ volume.affine.T)[:, :3], faces=[[0, 1, 2]])
    steps = viewer.dims.nsteps
    drawn = show_surface(viewer, surface, "head surface", volume)
    np.testing.assert_allclose(drawn.extent.world, layer.extent.world, atol=1e-4)
    assert viewer.dims.nsteps == steps  # the slider still counts the volume's slices


def test_slot_keeps_window_and_view(viewer) -> None:
    layer = show_volume(viewer, Volume(marked()), "Real P-0001-1", slot="real")
    layer.contrast_limits = (0.2, 0.4)
    viewer.dims.set_current_step(0, 1)
    same = show_volume(viewer, Volume(marked() * 0.5), "Real P-0002-1", slot="real")
    assert same is layer
    assert len(viewer.layers) == 1
    assert layer.name == "Real P-0002-1"
    assert tuple(layer.contrast_limits) == (0.2, 0.4)
    assert viewer.dims.current_step[0] == 1
    np.testing.assert_array_equal(volume_of(layer).array, marked() * 0.5)


def test_the_image_chosen_last_lies_on_top(viewer) -> None:
    real = show_volume(viewer, Volume(marked()), "Real P-0001-1", slot="real")
    show_volume(viewer, Volume(marked()), "Synthetic S-1", slot="sample")
    show_volume(viewer, Volume(marked()), "Real P-0002-1", slot="real")
    assert viewer.layers[-1] is real
    assert len(viewer.layers) == 2


@pytest.mark.parametrize(
    ("order", "expected"),
    [((0, 1, 2), "APRL"), ((1, 0, 2), "SIRL"), ((2, 0, 1), "SIAP")],
)
def test_letters_of_the_three_planes(order: tuple[int, ...], expected: str) -> None:
    found = letters(order, ("down", "right"))
    assert "".join(found[e] for e in ("top", "bottom", "left", "right")) == expected


def test_letters_only_where_they_are_true(viewer, bench) -> None:
    from medsynth_desktop.qt.link import ViewerLink

    ViewerLink.of(viewer)
    overlay = viewer.canvas.overlays["medsynth_left"]
    assert not overlay.visible
    show_volume(viewer, Volume(marked()), "v")
    assert overlay.visible
    assert overlay.text == "R"
    viewer.dims.ndisplay = 3
    assert not overlay.visible
    viewer.dims.ndisplay = 2
    show_volume(viewer, Volume(marked(), laterality_known=False), "w")
    assert not overlay.visible


def test_contrast_comes_from_the_header_or_the_numbers() -> None:
    assert contrast_limits(Volume(marked(), window=(40.0, 80.0))) == (0.0, 80.0)
    ramp = np.arange(1000, dtype=np.float32).reshape(10, 10, 10)
    low, high = contrast_limits(Volume(ramp))
    assert 0 < low < 10
    assert 990 < high < 999
    low, high = contrast_limits(Volume(np.full((4, 4, 4), np.nan, np.float32)))
    assert low < high


def test_conformed_ct_is_shown_in_hounsfield_units() -> None:
    from medsynth_desktop.cohorts.conform import recipe_volume

    recipe = Recipe((4, 4, 4), 2.0, "window", -1000.0, 1000.0, "CT", "HU")
    volume = recipe_volume(np.full((4, 4, 4), 0.04, np.float32), recipe)
    assert volume.unit == "HU"
    np.testing.assert_allclose(volume.array, 40.0, atol=1e-3)
