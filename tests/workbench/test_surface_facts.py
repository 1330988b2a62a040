from __future__ import annotations

import numpy as np
import pytest

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.meshes.surface import extract_surface
from medsynth_desktop.workbench.surface_facts import (
    Levels,
    file_filters,
    saved_words,
    surface_facts,
    why_no_surface,
)


def ball(unit: str = "", low: float = 0.0, high: float = 1.0) -> Volume:
    axes = np.meshgrid(*(np.arange(20) - 9.5,) * 3, indexing="ij")
    inside = sum(a**2 for a in axes) < 6**2
    return Volume(np.where(inside, high, low).astype(np.float32), np.diag([2.0, 2, 2, 1]), unit=unit)


def test_the_slider_reaches_both_ends_and_back() -> None:
    levels = Levels.of(ball(low=-3, high=5))
    assert (levels.low, levels.high) == (-3, 5)
    assert levels.low < levels.start < levels.high
    assert [levels.level(s) for s in (0, 500, 1000)] == [-3, 1, 5]
    assert [levels.slider(v) for v in (-3, 1, 5)] == [0, 500, 1000]
    assert levels.heights.shape == (128,)
    assert levels.edges.shape == (129,)


def test_hounsfield_units_bring_named_levels() -> None:
    assert "bone" in {p.key for p in Levels.of(ball("HU", -1000, 1500)).presets}
    assert Levels.of(ball()).presets == ()


def test_decimals_follow_the_range() -> None:
    assert Levels.of(ball("HU", -1000, 1500)).digits == 0
    assert Levels.of(ball(low=-1, high=1)).digits == 3


@pytest.mark.parametrize(("shape", "hint"), [((8, 8, 1), "single picture"), ((8, 8, 8), "")])
def test_a_picture_has_no_surface(shape: tuple[int, int, int], hint: str) -> None:
    why = why_no_surface(Volume(np.zeros(shape, np.float32)))
    assert (why == "") == (hint == "")
    assert hint in why
    assert "Choose" in why_no_surface(None)


def test_facts_of_a_closed_surface() -> None:
    surface = extract_surface(ball("HU", 0, 100), 50)
    facts = dict(surface_facts(surface, 1.23, surface))
    assert facts["Level"] == "50 HU"
    assert facts["Watertight"] == "yes"
    assert facts["Faces"] == f"{len(surface.faces):,}"
    assert facts["Made in"] == "1.2 s"
    assert facts["Volume"].endswith(" ml")
    assert "On screen" not in facts
    fewer = surface.with_triangles(surface.vertices, surface.faces[:100])
    facts = dict(surface_facts(surface, 1.23, fewer))
    assert facts["On screen"].startswith("100 faces")
    opened = dict(surface_facts(fewer, 1, fewer))
    assert opened["Watertight"].startswith("no")
    assert opened["Volume"].startswith("not defined")


def test_a_save_tells_unit_and_frame() -> None:
    surface = extract_surface(ball(), 0.5)
    assert "millimetres, RAS" in saved_words("head.stl", surface)
    assert [f[f.index("(*") :] for f in file_filters()] == ["(*.stl)", "(*.ply)", "(*.obj)", "(*.glb)"]
