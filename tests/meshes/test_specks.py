"""Specks left out of a surface: which pieces go, which stay, and who is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.meshes.files import write_surface
from medsynth_desktop.meshes.surface import extract_surface
from medsynth_desktop.workbench.surface_facts import surface_facts


def balls(*middles_and_radii: tuple[tuple[int, int, int], float]) -> Volume:
    """Balls of 1 in 0, 60 voxels of 1 mm a side; a negative radius makes a hole."""
    places = np.stack(np.meshgrid(*[np.arange(60.0)] * 3, indexing="ij"), axis=-1)
    array = np.zeros((60, 60, 60), np.float32)
    for middle, radius in middles_and_radii:
        inside = abs(radius) - np.linalg.norm(places - middle, axis=-1)
        soft = np.clip(inside + 0.5, 0, 1)
        array = np.maximum(array, soft) if radius > 0 else np.minimum(array, 1 - soft)
    return Volume(array.astype(np.float32), np.eye(4))


LUNGS = (((15, 30, 30), 12.0), ((45, 30, 30), 9.0))
SPECKS = (((30, 6, 6), 2.0), ((30, 54, 6), 1.6))


def test_specks_go_and_both_lungs_stay() -> None:
    volume, clean = balls(*LUNGS, *SPECKS), extract_surface(balls(*LUNGS), 0.5)
    everything = extract_surface(volume, 0.5)
    kept = extract_surface(volume, 0.5, specks=False)
    assert (everything.specks, kept.specks) == (0, 2)
    assert kept.watertight
    np.testing.assert_allclose(kept.volume_mm3, clean.volume_mm3, rtol=1e-4)
    assert len(kept.faces) == len(clean.faces) < len(everything.faces)
    assert len(np.unique(kept.faces)) == len(kept.vertices), "no vertex is left alone"


def test_a_small_cavity_is_filled_and_a_large_one_stays() -> None:
    whole = balls(((30, 30, 30), 20.0))
    small = extract_surface(balls(((30, 30, 30), 20.0), ((30, 30, 30), -2.0)), 0.5, specks=False)
    large = extract_surface(balls(((30, 30, 30), 20.0), ((30, 30, 30), -10.0)), 0.5, specks=False)
    full = extract_surface(whole, 0.5).volume_mm3
    assert small.specks == 1
    assert large.specks == 0
    np.testing.assert_allclose(small.volume_mm3, full, rtol=1e-4)
    np.testing.assert_allclose(full - large.volume_mm3, 4 / 3 * np.pi * 10**3, rtol=0.03)


def test_the_file_beside_and_the_facts_say_how_many_went(tmp_path: Path) -> None:
    kept = extract_surface(balls(*LUNGS, *SPECKS), 0.5, specks=False)
    write_surface(kept, tmp_path / "lungs.stl")
    beside = next(p for p in tmp_path.iterdir() if p.suffix == ".json")
    assert json.loads(beside.read_text())["specks_left_out"] == 2
    assert dict(surface_facts(kept, 0.1))["Left out"] == "2 specks"
    assert "Left out" not in dict(surface_facts(extract_surface(balls(*LUNGS), 0.5), 0.1))
