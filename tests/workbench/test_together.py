"""How many samples are drawn together, where a device (here: one that is played) has memory to fill."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from medsynth_desktop.bundles import Bundle, read_bundle
from medsynth_desktop.core.errors import InputRefused, OutOfMemory
from medsynth_desktop.core.progress import Progress, drain
from medsynth_desktop.core.records import Nearest, SampleSettings, Verdict
from medsynth_desktop.samplers import sampling
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.drawing import Drawer
from medsynth_desktop.workbench.sampling import import_bundle, sample_batch
from medsynth_desktop.workbench.tuning import check_place
from tests.bundles.tiny import make

FEW = SampleSettings("ddim", 2)


@pytest.mark.parametrize(("free", "fits"), [(10, 7), (0.5, 1), (1000, sampling.MOST_AT_ONCE)])
def test_as_many_as_fit_into_seven_tenths_of_what_is_free(
    monkeypatch: pytest.MonkeyPatch, free: float, fits: int
) -> None:
    drawn: list[SampleSettings] = []

    def one(bundle: Any, seeds: Any, settings: SampleSettings, device: str) -> Any:
        drawn.append(settings)
        return torch.zeros(1, 1, 2, 2)
        yield

    monkeypatch.setattr(sampling, "draw_latents", one)
    monkeypatch.setattr(sampling, "decode_latent", lambda *_: None)
    for name, value in {
        "memory_allocated": 2**30,
        "reset_peak_memory_stats": None,
        "max_memory_allocated": 2 * 2**30,
        "empty_cache": None,
        "mem_get_info": (free * 2**30, 2**40),
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, value=value: value)
    assert sampling.fitting_batch(None, replace(FEW, steps=20), "cuda:0") == fits  # type: ignore[arg-type]
    assert [settings.steps for settings in drawn] == [2]
    assert sampling.fitting_batch(None, FEW, "cpu") == 1  # type: ignore[arg-type]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A GPU that is the processor, and holds two samples at a time; returns how many were tried."""
    tried: list[int] = []
    begin, draw = Drawer.__init__, Drawer.draw

    def on_cpu(self: Drawer, bundle: Bundle, settings: SampleSettings, device: str, *more: Any) -> None:
        begin(self, bundle, settings, "cpu", *more)

    def tight(self: Drawer, seeds: Any, ahead: Any = ()) -> Any:
        tried.append(len(seeds))
        if len(seeds) > 2:
            raise OutOfMemory("full", len(seeds) // 2)
        return (yield from draw(self, seeds, ahead))

    monkeypatch.setattr(Drawer, "__init__", on_cpu)
    monkeypatch.setattr(Drawer, "draw", tight)
    monkeypatch.setattr(Bundle, "to", lambda self, device: self)
    monkeypatch.setattr(sampling, "pick_device", lambda name: ("cuda", ""))
    monkeypatch.setattr(sampling, "fitting_batch", lambda *_: 8)
    return tried


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[tuple[Workspace, str]]:
    """A workspace with a tiny model, and its hash."""
    with Workspace.open(tmp_path / "ws") as opened:
        make(tmp_path / "model")
        yield opened, drain(import_bundle(opened, tmp_path / "model")).hash


def test_fewer_are_drawn_together_where_memory_was_overrated(
    workspace: tuple[Workspace, str], played: list[int]
) -> None:
    """A quarter of what is asked for at most, and what is too many is halved."""
    batch = drain(sample_batch(*workspace, 13, FEW, 3, batch_name="b", batch_size=0))
    assert played == [4, 2, 2, 2, 2, 2, 2, 1]
    assert sorted(sample.seed for sample in batch.samples) == list(range(3, 16))
    with pytest.raises(OutOfMemory):  # a number that was asked for is not changed in silence
        drain(sample_batch(*workspace, 4, FEW, 30, batch_name="b", batch_size=4))


def test_a_batch_that_goes_on_keeps_its_precision(
    workspace: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the device would take another of itself: no seed is drawn twice."""
    auto = replace(FEW, precision="auto")
    drain(sample_batch(*workspace, 2, FEW, 3, "cpu", "b"))
    monkeypatch.setattr(sampling, "own_precision", lambda device: "bf16")
    batch = drain(sample_batch(*workspace, 3, auto, 3, "cpu", "b"))
    assert [(s.seed, s.settings.precision) for s in batch.samples] == [(3, "32"), (4, "32"), (5, "32")]
    batch = drain(sample_batch(*workspace, 1, auto, 3, "cpu", "new"))
    assert [s.settings.precision for s in batch.samples] == ["bf16"]


def test_a_precision_that_the_device_lacks_leaves_no_empty_batch(workspace: tuple[Workspace, str]) -> None:
    with pytest.raises(InputRefused, match="bf16 or 32"):
        drain(sample_batch(*workspace, 1, replace(FEW, precision="16"), 0, "cpu"))
    assert not workspace[0].batches.names()


@pytest.mark.parametrize("name", ["model!", "a:b", "-m", "x" * 81])
def test_a_name_that_no_model_may_have_is_refused_before_the_training(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputRefused, match="Choose another"):
        check_place(tmp_path / name)


def test_where_memory_is_short_the_next_ones_are_drawn_in_their_turn(tmp_path: Path) -> None:
    """While the guard looks, the next are drawn; that they do not fit loses nothing of what was drawn."""
    make(tmp_path / "model")

    class Passes:
        def judge(self, images: Any) -> Any:
            yield Progress(1, 1, "")
            return [Verdict("", "pass", (), {}, Nearest("", (), math.nan), "") for _ in images]

    drawer = Drawer(read_bundle(tmp_path / "model"), replace(FEW, attempts=2), "cpu")
    drawer.guard, once = Passes(), drawer._once

    def tight(seeds: Any, attempt: int) -> Any:
        if 2 in seeds:
            raise OutOfMemory("full")
        return (yield from once(seeds, attempt))

    drawer._once = tight  # type: ignore[method-assign]
    assert [one.seed for one in drain(drawer.draw([1], [2]))] == [1]
