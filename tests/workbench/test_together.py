"""How many samples are drawn together, where a device (here: one that is played) has memory to fill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from medsynth_desktop.bundles import Bundle
from medsynth_desktop.core.errors import OutOfMemory
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.samplers import sampling
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.drawing import Drawer
from medsynth_desktop.workbench.sampling import import_bundle, sample_batch
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


def test_fewer_are_drawn_together_where_memory_was_overrated(tmp_path: Path, played: list[int]) -> None:
    with Workspace.open(tmp_path / "ws") as workspace:
        make(tmp_path / "model")
        record = drain(import_bundle(workspace, tmp_path / "model"))
        batch = drain(sample_batch(workspace, record.hash, 5, FEW, 3, batch_name="b", batch_size=0))
        assert played == [5, 2, 2, 1]
        assert sorted(sample.seed for sample in batch.samples) == [3, 4, 5, 6, 7]
        with pytest.raises(OutOfMemory):  # a number that was asked for is not changed in silence
            drain(sample_batch(workspace, record.hash, 4, FEW, 30, batch_name="b", batch_size=4))
