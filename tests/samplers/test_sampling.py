from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medsynth_desktop.bundles import Bundle, read_bundle
from medsynth_desktop.core.errors import InputRefused, OutOfMemory
from medsynth_desktop.core.progress import Progress, drain
from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.samplers import SAMPLERS, sampling
from tests.bundles.tiny import make

FEW = SampleSettings("ddim", 3)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A tiny real model."""
    path = tmp_path_factory.mktemp("model") / "tiny"
    make(path)
    return read_bundle(path)


@pytest.mark.parametrize("key", SAMPLERS.keys())
def test_an_image_lies_on_the_grid_and_in_range(bundle: Bundle, key: str) -> None:
    reports: list[Progress] = []
    image = drain(sampling.draw_sample(bundle, 1, SampleSettings(key, 4), "cpu"), reports.append)
    assert image.shape == bundle.record.recipe.grid
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert np.abs(image).max() <= 1
    assert [(p.done, p.total) for p in reports] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_seed_decides_every_bit_whatever_came_before(bundle: Bundle) -> None:
    first = drain(sampling.draw_sample(bundle, 7, FEW, "cpu"))
    torch.manual_seed(1234)
    drain(sampling.draw_sample(bundle, 8, FEW, "cpu"))
    assert np.array_equal(first, drain(sampling.draw_sample(bundle, 7, FEW, "cpu")))
    assert not np.array_equal(first, drain(sampling.draw_sample(bundle, 8, FEW, "cpu")))


def test_the_global_random_state_is_left_alone(bundle: Bundle) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    drain(sampling.draw_sample(bundle, 7, FEW, "cpu"))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("key", SAMPLERS.keys())
def test_a_batch_draws_what_single_seeds_draw(bundle: Bundle, key: str) -> None:
    few = SampleSettings(key, 3)
    alone = [drain(sampling.draw_sample(bundle, seed, few, "cpu")) for seed in (3, 4, 5)]
    one_by_one = drain(sampling.draw_batch(bundle, [3, 4, 5], few, "cpu", batch_size=1))
    together = drain(sampling.draw_batch(bundle, [3, 4, 5], few, "cpu", batch_size=2))
    assert all(np.array_equal(a, b) for a, b in zip(alone, one_by_one, strict=True))
    for a, b in zip(alone, together, strict=True):  # batched arithmetic may round otherwise
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_preview_comes_when_it_is_time(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr(sampling, "PREVIEW_SHARE", math.inf)
    reports: list[Progress] = []
    drain(sampling.draw_sample(bundle, 1, FEW, "cpu"), reports.append)
    assert [p.preview is not None for p in reports] == [True, True, False]
    assert reports[0].preview is not None
    assert reports[0].preview.shape == (32, 24)


def test_previews_take_a_small_share_of_the_time(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before 1 / 0.03 times as long as one takes; each look at the clock is a second."""
    clock = iter(range(1000))
    monkeypatch.setattr(sampling.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(type(bundle), "preview", lambda self, latent, precision: np.zeros((2, 2)))
    monkeypatch.setattr(bundle, "preview_seconds", 0.09)
    reports: list[Progress] = []
    drain(sampling.draw_sample(bundle, 1, SampleSettings("ddim", 12), "cpu"), reports.append)
    shown = [p.done for p in reports if p.preview is not None]
    assert shown == [4, 8]


def test_the_precision_is_the_device_s_own_where_it_is_left_open() -> None:
    auto = SampleSettings(precision="auto")
    assert sampling.in_own_precision(auto, "cpu").precision == "32"
    assert sampling.in_own_precision(SampleSettings(precision="bf16"), "cpu").precision == "bf16"


def test_closing_stops_at_the_next_step(bundle: Bundle) -> None:
    steps = sampling.draw_sample(bundle, 1, FEW, "cpu")
    assert next(steps).done == 1
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


@pytest.mark.parametrize(
    ("settings", "seed", "words"),
    [
        (SampleSettings("euler", 3), 1, "sampler"),
        (SampleSettings("ddim", 0), 1, "steps"),
        (SampleSettings("ddim", 2000), 1, "steps"),
        (SampleSettings("ddim", 3, {"age": 60.0}), 1, "condition"),
        (SampleSettings("ddim", 3, precision="8"), 1, "precision must be one of 32, bf16, 16"),
        (SampleSettings("ddim", 3, precision="16"), 1, "bf16 or 32"),
        (FEW, -1, "seed"),
        (FEW, 2**63, "seed"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(
    bundle: Bundle, settings: SampleSettings, seed: int, words: str
) -> None:
    with pytest.raises(InputRefused, match=words):
        drain(sampling.draw_sample(bundle, seed, settings, "cpu"))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"),
    ],
)
def test_a_full_device_says_what_to_try(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: Any) -> Iterator[Any]:
        raise error
        yield

    monkeypatch.setattr(sampling, "_states", full)
    with pytest.raises(OutOfMemory, match="try 2 at a time") as caught:
        drain(sampling.draw_batch(bundle, [1, 2, 3, 4], FEW, "cpu", batch_size=4))
    assert caught.value.suggested_batch_size == 2
    with pytest.raises(OutOfMemory, match="another device") as caught:
        drain(sampling.draw_sample(bundle, 1, FEW, "cpu"))
    assert caught.value.suggested_batch_size == 0


def test_other_errors_stay_what_they_are(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Iterator[Any]:
        raise RuntimeError("a bug")
        yield

    monkeypatch.setattr(sampling, "_states", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        drain(sampling.draw_sample(bundle, 1, FEW, "cpu"))


def test_devices() -> None:
    assert sampling.pick_device("cpu") == ("cpu", "")
    device, note = sampling.pick_device(None)
    assert (device == "cpu") == bool(note)
    if not torch.cuda.is_available():
        device, note = sampling.pick_device("cuda:0")
        assert device == "cpu"
        assert "not available" in note
    with pytest.raises(InputRefused, match="cuda, mps or cpu"):
        sampling.pick_device("tpu")


def test_a_2d_model_samples_pictures(tmp_path: Path) -> None:
    make(tmp_path / "b", dims=2)
    bundle = read_bundle(tmp_path / "b")
    assert drain(sampling.draw_sample(bundle, 0, FEW, "cpu")).shape == (16, 24)
