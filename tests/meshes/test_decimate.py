"""The copy that is shown: small enough, checked, and honest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.core.progress import Progress, drain
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.meshes import decimate
from medsynth_desktop.meshes.decimate import clustered, display_steps
from medsynth_desktop.meshes.surface import Surface, extract_surface


@pytest.fixture(scope="module")
def blob() -> Surface:
    noise = np.random.default_rng(0).standard_normal((48, 48, 48)).astype(np.float32)
    return extract_surface(Volume(ndimage.gaussian_filter(noise, 3)), 0.0)


def test_a_small_surface_is_shown_as_it_is(blob: Surface) -> None:
    assert drain(display_steps(blob)) is blob


@pytest.mark.parametrize("limit", [200, 3000, 10_000])
def test_the_limit_is_kept_and_the_shape_stays(blob: Surface, limit: int) -> None:
    shown = drain(display_steps(blob, limit))
    assert 0 < len(shown.faces) <= limit
    assert shown.faces.max() < len(shown.vertices)
    np.testing.assert_allclose(shown.vertices.mean(axis=0), blob.vertices.mean(axis=0), atol=3)
    if limit >= 3000:
        assert shown.volume_mm3 == pytest.approx(blob.volume_mm3, rel=0.05)
    assert (shown.level, shown.unit, shown.smooth) == (blob.level, blob.unit, blob.smooth)


def test_a_sphere_stays_closed() -> None:
    grid = np.indices((40, 40, 40)) - 20
    sphere = extract_surface(Volume(-np.sqrt((grid**2).sum(axis=0))), -15.0)
    shown = drain(display_steps(sphere, 2000))
    assert shown.watertight


def test_a_copy_that_was_opened_is_not_watertight(blob: Surface) -> None:
    torn = blob.with_triangles(blob.vertices, blob.faces[:-1])
    assert blob.watertight
    assert not torn.watertight


def test_large_surfaces_are_reduced_in_another_process_with_the_same_result(
    blob: Surface, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    here = drain(display_steps(blob, 3000))
    monkeypatch.setattr(decimate, "OWN_PROCESS_FACES", 10)
    told: list[Progress] = []
    apart = drain(display_steps(blob, 3000), told.append)
    np.testing.assert_array_equal(apart.faces, here.faces)
    np.testing.assert_array_equal(apart.vertices, here.vertices)
    assert len(told) >= 2
    assert capfd.readouterr().err == ""  # the process did not fail and leave the work to this one


def test_a_pulled_plug_ends_the_other_process(blob: Surface, monkeypatch: pytest.MonkeyPatch) -> None:
    import multiprocessing

    monkeypatch.setattr(decimate, "OWN_PROCESS_FACES", 10)
    steps = display_steps(blob, 3000)
    next(steps)
    next(steps)
    assert multiprocessing.active_children()
    steps.close()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("limit", [64, 1000, 10_000])
def test_merging_on_a_grid_always_gets_there(blob: Surface, limit: int) -> None:
    vertices, faces = clustered(blob.vertices, blob.faces, limit)
    assert len(faces) <= limit
    assert faces.max() < len(vertices)
    assert (vertices >= blob.vertices.min(axis=0) - 1e-3).all()
    assert (vertices <= blob.vertices.max(axis=0) + 1e-3).all()
