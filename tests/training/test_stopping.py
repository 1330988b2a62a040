"""Early stop: the published rule by hand, who is spared for it, and going on after a kill to the same end."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medsynth_desktop.cohorts.splits import assign_splits, held_out
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.progress import Steps, drain
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.networks.architecture import AutoencoderShape, QuantisedShape, UNetShape
from medsynth_desktop.training.autoencoder import AutoencoderSettings, train_autoencoder
from medsynth_desktop.training.checkpoint import fingerprint
from medsynth_desktop.training.diffusion import DiffusionSettings, train_diffusion
from medsynth_desktop.training.machine import Compute
from medsynth_desktop.training.quantised import QuantisedSettings
from medsynth_desktop.training.stopping import EarlyStop
from medsynth_desktop.workbench.validation import divide, learnt_from, validation_facts

PUBLISHED = EarlyStop()
SOON = EarlyStop(least=3, window=2, gain=0.5)
"""Whatever is learnt in a few steps, the loss does not halve: stops after three epochs."""
KL = AutoencoderSettings(
    AutoencoderShape(3, (8, 16), (1, 1), 2, 4), steps=20, batch=2, patch=8, final_patch=16, stop=SOON
)
VQ = QuantisedSettings(
    QuantisedShape(3, (8, 16), (1, 2), 1, codes=32, latent_channels=2, fold=2), steps=20, patch=16, rate=1e-3,
    stop=SOON,
)  # fmt: skip
UNET = DiffusionSettings(
    UNetShape(3, 2, (16, 32), (1, 1), (False, True), 16, 8, fold=1, conditions=(3,)),
    steps=20,
    batch=2,
    stop=SOON,
)


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([1.0] * 99, False),  # not before 100 epochs
        ([1.0] * 100, True),
        ([2.0] * 69 + [1.0] * 30 + [0.991], True),  # only 0.9% below the mean of the last 30
        ([2.0] * 69 + [1.0] * 30 + [0.989], False),
        ([2.0] * 70 + [1.0] * 30 + [1.0], True),  # the 30 before it do not hold the older ones
        ([2.0] * 71 + [1.0] * 29 + [1.0], False),
        ([1.0] * 99 + [float("nan")], True),
    ],
)
def test_the_published_rule(losses: list[float], stops: bool) -> None:
    assert PUBLISHED.reached(losses) is stops


def images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 16, 16, 16)).astype(np.float32)


def train(settings: Any, out: Path, unseen: int = 3, compute: Compute | None = None) -> Steps[Any]:
    """On four images, two steps an epoch."""
    if not isinstance(settings, DiffusionSettings):
        return train_autoencoder(
            images(4, 0), settings, out, "x", compute or Compute(), unseen=images(unseen, 1)
        )
    torch.manual_seed(3)
    return train_diffusion(
        KL.shape.build().eval(), images(4, 0), settings, out, "x", compute or Compute(),
        torch.tensor([[0.0], [1], [2], [0]]), images(unseen, 1), torch.tensor([[1.0], [0], [torch.nan]])[:unseen],
    )  # fmt: skip


@pytest.mark.parametrize("settings", [KL, VQ, UNET], ids=["kl", "vqvae", "unet"])
@pytest.mark.parametrize("at", [1, 4, 5])
def test_a_training_that_stops_early_resumes_to_the_same_curves(
    settings: Any, at: int, tmp_path: Path
) -> None:
    whole = drain(train(settings, tmp_path / "whole"))
    assert (whole.summary.steps, whole.summary.stopped) == (6, True)
    assert len(set(whole.summary.unseen)) == 3
    for progress in (steps := train(settings, tmp_path / "parts")):
        if "Training" in progress.message and progress.done == at:
            break
    steps.close()
    resumed = drain(train(settings, tmp_path / "parts"))
    assert (resumed.summary.curve, resumed.summary.unseen) == (whole.summary.curve, whole.summary.unseen)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    again = [p.message for p in train(settings, tmp_path / "parts")]
    assert not [m for m in again if "Training" in m]


@pytest.mark.parametrize("settings", [KL, VQ, UNET], ids=["kl", "vqvae", "unet"])
def test_looking_at_unseen_patients_teaches_nothing(settings: Any, tmp_path: Path) -> None:
    """The same weights whoever is looked at, and whether anybody is."""
    settings = replace(settings, steps=4, stop=replace(SOON, least=99))
    found = [drain(train(settings, tmp_path / str(n), n)) for n in (1, 3)]
    found.append(drain(train(replace(settings, stop=None), tmp_path / "none")))
    assert found[0].summary.unseen != found[1].summary.unseen
    assert found[2].summary.unseen == ()
    for name, value in found[0].network.state_dict().items():
        assert all(torch.equal(value, other.network.state_dict()[name]) for other in found), name


def test_the_loss_of_unseen_patients_is_that_of_training(tmp_path: Path) -> None:
    """Of the images that are learnt from it falls with the training's; so what is compared is the same thing."""
    settings = replace(KL, steps=60, patch=16, stop=replace(SOON, least=99))
    steps = train_autoencoder(images(4, 0), settings, tmp_path, "x", unseen=images(4, 0))
    summary = drain(steps).summary
    assert summary.unseen[-1] < 0.95 * summary.unseen[0]


@pytest.mark.slow
def test_two_processes_stop_at_the_same_step(tmp_path: Path) -> None:
    trained = drain(train(KL, tmp_path, compute=Compute(devices=2)))
    assert (trained.summary.steps, trained.summary.stopped) == (6, True)


def test_nobody_to_validate_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="does not learn from"):
        drain(train(KL, tmp_path, unseen=0))


def test_settings_without_a_stop_keep_their_fingerprint() -> None:
    plain = asdict(replace(KL, stop=None))
    del plain["stop"]
    assert fingerprint(replace(KL, stop=None), "x", 3) == hash_json([plain, "x", 3])
    assert fingerprint(KL, "x", 3) != fingerprint(replace(KL, stop=None), "x", 3)


def records(patients: int, each: int = 2) -> list[ImageRecord]:
    names = [f"P-{n:04}" for n in range(patients)]
    splits = assign_splits(dict.fromkeys(names), 0.3)
    return [
        ImageRecord(f"{p}-{k}", p, splits[p], "") for p in names for k in range(each) if splits[p] == "train"
    ]


def test_whole_patients_are_spared_by_their_pseudonym() -> None:
    known = records(60)
    learnt, unseen = divide(known, EarlyStop(share=0.1))
    apart = {known[r].patient for r in learnt}, {known[r].patient for r in unseen}
    assert not apart[0] & apart[1]
    assert (len(apart[1]), len(unseen)) == (4, 8)  # of 42 patients
    assert sorted(learnt + unseen) == list(range(len(known)))
    assert divide(known, None) == (list(range(len(known))), [])
    assert held_out(reversed([r.patient for r in known]), 0.1) == apart[1]
    assert held_out((r.patient for r in known), 0.1) < held_out((r.patient for r in known), 0.3)
    assert held_out("ab", 0.01) < set("ab")
    with pytest.raises(InputRefused, match="none can be spared"):
        held_out("aa", 0.1)


def test_a_bundle_tells_who_was_learnt_from() -> None:
    known = records(60)
    small, large = EarlyStop(share=0.1), EarlyStop(share=0.3)

    def training(*stops: EarlyStop | None) -> dict[str, Any]:
        stages = ("autoencoder", "diffusion")
        return {
            s: {"validation": validation_facts(known, stop)} for s, stop in zip(stages, stops, strict=True)
        }

    spared = {known[r].patient for r in divide(known, small)[1]}
    for stops in ((small, small), (small, large), (large, small)):
        learnt = learnt_from(known, training(*stops))
        assert {r.patient for r in known} - {r.patient for r in learnt} == spared
    assert learnt_from(known, training(small, None)) == tuple(known)
    assert learnt_from(known, {"autoencoder": 3}) == tuple(known)
    facts = validation_facts(known, small)
    assert (facts["patients"], facts["images"], facts["sha256"]) == (4, 8, hash_json(sorted(spared)))
