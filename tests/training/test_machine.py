"""How a training computes must not change what it learns: precision, memory, and several processes."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Steps, drain
from medsynth_desktop.networks.architecture import AutoencoderShape, QuantisedShape, UNetShape
from medsynth_desktop.networks.factorised import FactorisedShape
from medsynth_desktop.training.adversarial import CriticSettings
from medsynth_desktop.training.autoencoder import AutoencoderSettings, train_autoencoder
from medsynth_desktop.training.diffusion import DiffusionSettings, train_diffusion
from medsynth_desktop.training.machine import Compute, Machine
from medsynth_desktop.training.quantised import QuantisedSettings

KL = AutoencoderSettings(
    AutoencoderShape(3, (8, 16), (1, 1), 2, 4, attention=(False, True)), steps=4, batch=2, patch=16
)
VQ = QuantisedSettings(
    QuantisedShape(3, (8, 16), (1, 2), 1, codes=32, latent_channels=2, fold=2), steps=4, patch=16, rate=1e-3,
    critics=CriticSettings(after=0.25, channels=4, layers=2),
)  # fmt: skip
UNET = DiffusionSettings(
    UNetShape(3, 2, (16, 32), (1, 1), (False, True), 16, 8, fold=1, conditions=(3, 0)), steps=4, batch=2
)
PLANES = replace(
    UNET, shape=FactorisedShape(3, 2, (16, 32), (1, 1), (True, True), 16, 8, conditions=(3, 0)), loss="l1"
)


def images() -> np.ndarray:
    """Four cubes of noise, (4, 16, 16, 16) in [-1, 1]."""
    return np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 16)).astype(np.float32)


def train(settings: Any, out: Path, compute: Compute) -> Steps[Any]:
    if not isinstance(settings, DiffusionSettings):
        return train_autoencoder(images(), settings, out, "x", compute)
    torch.manual_seed(3)
    autoencoder = replace(KL.shape, attention=()).build().eval()
    given = torch.tensor([[0, 0.5], [1, 0.1], [2, torch.nan], [0, 1.0]])
    return train_diffusion(autoencoder, images(), settings, out, "x", compute, given)


KINDS = pytest.mark.parametrize("settings", [KL, VQ, UNET, PLANES], ids=["kl", "vqgan", "unet", "planes"])


def gradients(trained: Any) -> dict[str, torch.Tensor]:
    """Those of the last step."""
    return {n: p.grad for n, p in trained.network.named_parameters() if p.grad is not None}


@KINDS
def test_saved_memory_changes_no_bit_and_saves(settings: Any, tmp_path: Path) -> None:
    kept: dict[bool, int] = {}
    learnt = {}
    for save in (False, True):
        largest = 0

        def count(x: torch.Tensor) -> torch.Tensor:
            nonlocal largest
            largest += 0 if isinstance(x, torch.nn.Parameter) else x.numel()
            return x

        with torch.autograd.graph.saved_tensors_hooks(count, lambda x: x):
            learnt[save] = drain(train(settings, tmp_path / str(save), Compute(save_memory=save)))
        kept[save] = largest
    for name, gradient in gradients(learnt[False]).items():
        assert torch.equal(gradient, gradients(learnt[True])[name]), name
    for name, value in learnt[False].network.state_dict().items():
        assert torch.equal(value, learnt[True].network.state_dict()[name]), name
    assert learnt[False].summary.curve == learnt[True].summary.curve


@KINDS
def test_fewer_bits_learn_nearly_the_same_and_resume_to_the_bit(settings: Any, tmp_path: Path) -> None:
    full = drain(train(settings, tmp_path / "32", Compute()))
    whole = drain(train(settings, tmp_path / "bf16", Compute(precision="bf16")))
    assert (full.summary.precision, whole.summary.precision) == ("32", "bf16")
    assert whole.summary.curve != full.summary.curve
    np.testing.assert_allclose(whole.summary.curve, full.summary.curve, rtol=0.05)
    assert all(p.dtype == torch.float32 for p in whole.network.parameters())
    steps = train(settings, tmp_path / "parts", Compute(precision="bf16"))
    while next(steps).message.find("Training") < 0:
        pass
    steps.close()
    resumed = drain(train(settings, tmp_path / "parts", Compute(precision="bf16")))
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_a_run_that_changed_its_precision_says_so(tmp_path: Path) -> None:
    steps = train(KL, tmp_path, Compute(precision="bf16"))
    next(steps)
    steps.close()
    finished = drain(train(KL, tmp_path, Compute()))
    assert finished.summary.precision == "bf16, 32"
    assert drain(train(KL, tmp_path, Compute(precision="bf16"))).summary.precision == "bf16, 32"


def test_sixteen_bits_learn_kernels_wider_than_the_image() -> None:
    """Where oneDNN leaves the weight gradient to whatever stood in memory."""
    machine = Machine(Compute(precision="bf16"))
    torch.manual_seed(0)
    layer, x = torch.nn.Conv3d(16, 1, 4, padding=1), torch.randn(2, 16, 3, 3, 3)
    layer(x).square().mean().backward()
    assert layer.weight.grad is not None
    true = layer.weight.grad / layer.weight.grad.norm()
    optimiser = machine.optimiser(torch.optim.SGD(layer.parameters()))
    for _ in range(15):
        junk = [torch.full((n,), torch.nan, dtype=torch.bfloat16) for n in (64, 256, 1000, 4096, 20_000)]
        del junk
        with machine.autocast():
            loss = layer(x).float().square().mean()
        machine.improve(loss, layer, optimiser, rate=0.0)
        found = layer.weight.grad / layer.weight.grad.norm()
        assert float((found - true).norm()) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("settings", [KL, VQ, PLANES], ids=["kl", "vqvae", "planes"])
def test_two_processes_find_the_gradient_of_the_whole_batch(settings: Any, tmp_path: Path) -> None:
    """Each of them alone, of half the batch, would find another; so would a run that told the second no condition."""
    settings = replace(settings, steps=2)
    if isinstance(settings, QuantisedSettings):
        settings = replace(settings, critics=None)  # their batch normalisation sees the own rows only
    one, two = (drain(train(settings, tmp_path / str(n), Compute(devices=n))) for n in (1, 2))
    assert two.summary.curve == pytest.approx(one.summary.curve, rel=1e-4)
    for name, gradient in gradients(one).items():
        apart = (gradient - gradients(two)[name]).norm()
        assert apart <= 1e-3 * gradient.norm() + 1e-6, name
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_two_processes_stop_resume_and_end(tmp_path: Path) -> None:
    steps = train(VQ, tmp_path, Compute(devices=2))
    next(steps)
    steps.close()
    assert not multiprocessing.active_children()
    assert not torch.distributed.is_initialized()
    trained = drain(train(VQ, tmp_path, Compute(devices=2)))
    assert trained.summary.steps == 4
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Compute(precision="8"), "one of 32, bf16, 16"),  # type: ignore[arg-type]
        (lambda: Compute(precision="16"), "CUDA"),
        (lambda: Compute(devices=0), "at least one"),
        (lambda: Compute("cuda", devices=99), "Give fewer"),
        (lambda: Compute(devices=3).check_batch(4), "divides 4"),
    ],
)
def test_what_cannot_be_computed_is_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputRefused, match=words):
        make()


def test_lightning_comes_late_and_says_nothing(tmp_path: Path) -> None:
    """It is imported by the first step alone; nothing is printed, nothing is sent."""
    script = f"""
import socket, sys
def refuse(*_): raise AssertionError("network")
socket.socket.connect = refuse
import numpy as np
from pathlib import Path
from medsynth_desktop.training.autoencoder import train_autoencoder
from medsynth_desktop.training.diffusion import train_diffusion
from medsynth_desktop.training.machine import Compute
from medsynth_desktop.training.presets import preset_for
assert "lightning" not in sys.modules
steps = train_autoencoder(
    np.zeros((1, 16, 16, 16), np.float32), preset_for("tiny", max_steps=2).autoencoder, Path({str(tmp_path)!r}), "x",
    Compute(precision="bf16"),
)
assert len(list(steps)) == 2
assert "lightning" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
