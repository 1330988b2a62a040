"""DP-SGD by hand: what a step adds up, what a patient can change, and a run that was killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medsynth_desktop.bundles import Bundle, BundleFacts, read_bundle
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.training import private
from medsynth_desktop.training.private import PrivateSettings, fine_tune
from tests.bundles.tiny import factorised_facts, facts, make

SECRET = 4711
ONCE = PrivateSettings("all", steps=1, batch=4, views=2, noise=1e-12, clip=0.05, rate=1e-3)


def images(count: int = 6) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, 16, 24, 32)).astype(np.float32)


def model(folder: Path, about: BundleFacts | None = None) -> Bundle:
    if not (folder / "tiny").exists():
        make(folder / "tiny", about=about, dtype=torch.float32)
    return read_bundle(folder / "tiny")


def gradient_sum(
    monkeypatch: pytest.MonkeyPatch, base: Bundle, patients: list[str], settings: PrivateSettings, out: Path
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The noisy gradient that one step takes, as one vector, and the unclipped ones of its patients."""
    from opacus.optimizers import DPOptimizer

    single: list[torch.Tensor] = []
    taken: list[torch.Tensor] = []
    clip, noise = DPOptimizer.clip_and_accumulate, DPOptimizer.add_noise

    def clipped(self: DPOptimizer) -> None:
        if len(self.params[0].grad_sample):
            single.append(torch.cat([p.grad_sample[0].flatten() for p in self.params]))
        clip(self)

    def noised(self: DPOptimizer) -> None:
        noise(self)
        taken.append(torch.cat([p.grad.flatten() for p in self.params]))

    with monkeypatch.context() as patched:
        patched.setattr(DPOptimizer, "clip_and_accumulate", clipped)
        patched.setattr(DPOptimizer, "add_noise", noised)
        drain(fine_tune(base, images(len(patients)), patients, settings, out, "data", secret=SECRET))
    return taken[0], single


@pytest.mark.parametrize("about", [facts(), factorised_facts()], ids=["unet", "planes"])
def test_a_step_adds_up_gradients_that_are_clipped_patient_by_patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, about: BundleFacts
) -> None:
    settings = replace(ONCE, batch=6)  # everybody
    taken, single = gradient_sum(
        monkeypatch, model(tmp_path, about), [f"P{i}" for i in range(6)], settings, tmp_path / "run"
    )
    assert len(single) == 6
    assert max(float(g.norm()) for g in single) > settings.clip  # else nothing is clipped
    by_hand = sum(g * min(1.0, settings.clip / (float(g.norm()) + 1e-6)) for g in single)
    torch.testing.assert_close(taken, by_hand, rtol=1e-4, atol=1e-7)


def test_all_images_of_a_patient_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(ONCE, batch=9)
    taken, single = gradient_sum(
        monkeypatch, model(tmp_path), ["A", "A", "A", "A", "A", "B"], settings, tmp_path / "run"
    )
    assert len(single) == 2
    assert float(taken.norm()) <= 2 * settings.clip * 1.001


def test_the_noise_has_the_strength_that_the_accountant_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(ONCE, batch=6, noise=3.0)
    names = [f"P{i}" for i in range(6)]
    with_noise, _ = gradient_sum(monkeypatch, model(tmp_path), names, settings, tmp_path / "a")
    without, _ = gradient_sum(
        monkeypatch, model(tmp_path), names, replace(settings, noise=1e-12), tmp_path / "b"
    )
    added = (with_noise - without).numpy()
    assert added.std() == pytest.approx(settings.noise * settings.clip, rel=0.02)
    assert abs(added.mean()) < 4 * added.std() / len(added) ** 0.5


def test_patients_are_drawn_by_chance_one_by_one(tmp_path: Path) -> None:
    settings = replace(ONCE, batch=2, steps=40, views=1)
    drawn = [
        int(p.message.split(":")[1].split()[0])
        for p in fine_tune(
            model(tmp_path), images(8), [f"P{i}" for i in range(8)], settings, tmp_path / "r", "d", secret=1
        )
        if "last step" in p.message
    ]
    assert len(set(drawn)) > 2  # Poisson, not batches of one size
    assert 1.0 < np.mean(drawn) < 3.0


def test_a_run_that_was_killed_ends_with_the_same_weights(tmp_path: Path) -> None:
    settings = replace(ONCE, parts="attention", steps=4, noise=1.0)
    names = [f"P{i}" for i in range(6)]

    def run(out: Path, stop: int | None = None) -> dict[str, torch.Tensor] | None:
        steps = fine_tune(model(tmp_path), images(), names, settings, out, "data", secret=SECRET)
        if stop is None:
            return dict(drain(steps)[0].state_dict())
        for _ in range(6 + stop):  # encoding six images, then some steps
            next(steps)
        steps.close()
        return None

    whole = run(tmp_path / "whole")
    run(tmp_path / "parts", stop=2)
    resumed = run(tmp_path / "parts")
    assert whole is not None
    assert resumed is not None
    before = dict(model(tmp_path).unet.state_dict())
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)
    changed = {k for k in whole if not torch.equal(whole[k], before[k])}
    assert changed
    assert all(any(word in k.lower() for word in private.ATTENTION) for k in changed)


def test_no_two_runs_share_their_noise(tmp_path: Path) -> None:
    settings = replace(ONCE, parts="attention", noise=1.0)
    found = [
        dict(
            drain(fine_tune(model(tmp_path), images(), list("abcdef"), settings, tmp_path / str(i), "d"))[
                0
            ].state_dict()
        )
        for i in range(2)
    ]
    assert any(not torch.equal(found[0][k], found[1][k]) for k in found[0])


def test_a_network_without_attention_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "ATTENTION", ("nowhere",))  # every network of today attends in its middle
    with pytest.raises(InputRefused, match="no attention"):
        drain(
            fine_tune(
                model(tmp_path),
                images(),
                list("abcdef"),
                replace(ONCE, parts="attention"),
                tmp_path / "r",
                "d",
            )
        )
