"""Attacks on a model: truth tables of their measures, coverage of their intervals, and a model that memorised."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from medsynth_desktop.bundles import Bundle, read_bundle
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, drain
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.guard.conclusion import membership_words
from medsynth_desktop.guard.membership import Membership, measure_attack
from medsynth_desktop.guard.membership_attacks import attack_image, attack_membership, shifted
from medsynth_desktop.training.denoising import Probe, denoising_loss
from tests.bundles.tiny import make

Scores = tuple[np.ndarray, list[str]]


def side(values: list[float] | np.ndarray, prefix: str, each: int = 1) -> Scores:
    return np.array(values, float), [f"{prefix}{i // each}" for i in range(len(values))]


@pytest.mark.parametrize(
    ("inside", "outside", "auc"),
    [
        ([3, 4], [1, 2], 1.0),
        ([1, 2], [3, 4], 0.0),
        ([1, 1], [1, 1], 0.5),
        ([2, 4], [1, 3], 0.75),  # 2 > 1, 4 > 1, 4 > 3 of four pairs
        ([1, 2], [1, 3], 0.375),  # one tie and one win of four
    ],
)
def test_area_by_hand(inside: list[float], outside: list[float], auc: float) -> None:
    found = measure_attack("loss", side(inside, "t"), side(outside, "u"), np.random.default_rng(0))
    assert found.auc == auc
    assert found.interval[0] <= auc <= found.interval[1]


def test_area_is_mann_whitney_and_its_interval_covers() -> None:
    rng, truth = np.random.default_rng(1), stats.norm.cdf(1 / math.sqrt(2))  # of N(1, 1) against N(0, 1)
    covered = 0
    for _ in range(60):
        inside, outside = rng.normal(1, 1, 40), rng.normal(size=60)
        found = measure_attack("loss", side(inside, "t"), side(outside, "u"), rng)
        assert found.auc == pytest.approx(stats.mannwhitneyu(inside, outside).statistic / 2400)
        covered += found.interval[0] <= truth <= found.interval[1]
    assert covered >= 51


def test_a_perfect_attack_on_few_is_not_certain() -> None:
    found = measure_attack("loss", side([5, 6, 7], "t"), side([1, 2, 3], "u"), np.random.default_rng(0))
    assert found.auc == 1
    assert found.interval == pytest.approx((3 / (3 + 1.959964**2), 1), abs=1e-6)


def test_hit_rates_by_hand_and_not_without_enough_unseen_patients() -> None:
    """100 unseen scores 0..99: at 1% one may lie above, so what beats 98 is recognised."""
    inside = side([98.5, 99.5, 50.0, 98.0], "t")
    found = measure_attack("loss", inside, side(np.arange(100.0), "u"), np.random.default_rng(0))
    one, tenth = found.rates
    assert one.hits == 0.5
    assert one.interval[0] <= 0.5 <= one.interval[1]
    assert one.distrust.startswith("It rests on 1 of 100 unseen patients")
    assert math.isnan(tenth.hits)
    assert (
        tenth.distrust
        == "With 100 unseen patients a false-positive rate of 0.1% cannot be measured; it needs 1000."
    )
    few = measure_attack("loss", inside, side(np.arange(36.0), "u"), np.random.default_rng(0))
    assert few.rates[0].distrust.startswith("With 36 unseen patients a false-positive rate of 1% cannot")
    many = measure_attack("loss", side([2.0] * 5, "t"), side([1.0] * 1000, "u"), np.random.default_rng(0))
    assert [rate.hits for rate in many.rates] == [1, 1]
    assert many.rates[0].distrust == ""
    level = measure_attack("loss", side([1.0] * 5, "t"), side([1.0] * 1000, "u"), np.random.default_rng(0))
    assert [rate.hits for rate in level.rates] == [0, 0]


def test_scans_of_one_patient_count_as_one() -> None:
    rng = np.random.default_rng(2)
    inside, outside = np.repeat(rng.normal(1, 1, 12), 8), np.repeat(rng.normal(size=12), 8)

    def width(each: int) -> float:
        found = measure_attack(
            "loss", side(inside, "t", each), side(outside, "u", each), np.random.default_rng(0)
        )
        return found.interval[1] - found.interval[0]

    assert width(8) > 1.8 * width(1)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A tiny real model."""
    path = tmp_path_factory.mktemp("model") / "tiny"
    make(path, dims=2)
    return read_bundle(path)


def pictures(bundle: Bundle, seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, *bundle.record.recipe.grid)).astype(np.float32)


def test_the_loss_is_that_of_training_on_fixed_noise(bundle: Bundle) -> None:
    """Computed again, step by step, from the schedule's own formulas."""
    image, probe = pictures(bundle, 0, 1)[0], Probe((0.2, 0.4), draws=2, seed=5)
    kept = 1 / (1 + bundle.schedule.sigmas() ** 2)
    noise = torch.randn((4, *bundle.latent_shape), generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        x0 = bundle.autoencoder.encode(torch.from_numpy(image)[None, None])[0] * bundle.latent_scale
        errors = []
        for row, level in enumerate((0.2, 0.2, 0.4, 0.4)):
            t = round(level * (bundle.schedule.steps - 1))
            a, s = float(kept[t].sqrt()), float((1 - kept[t]).sqrt())
            predicted = bundle.unet(a * x0 + s * noise[row], torch.tensor([t]))
            wanted = noise[row] if bundle.schedule.prediction == "epsilon" else a * noise[row] - s * x0
            errors.append(float((predicted - wanted).square().mean()))
    found = denoising_loss(bundle, [image, image], probe)
    assert found[0] == found[1] == pytest.approx(np.mean(errors), rel=1e-5)


def test_other_grids_and_senseless_probes_are_refused(bundle: Bundle) -> None:
    with pytest.raises(InputRefused, match="must have its grid"):
        denoising_loss(bundle, [np.zeros((3, 3, 3), np.float32)], Probe())
    for bad in ({"levels": (0.0,)}, {"levels": ()}, {"draws": 0}):
        with pytest.raises(InputRefused, match="between 0 and 1"):
            Probe(**bad)


def test_neighbours_are_the_image_shifted_with_its_border_repeated() -> None:
    found = list(shifted(np.array([[1, 2, 3], [4, 5, 6]]), 1))
    assert [f.tolist() for f in found] == [
        [[4, 5, 6], [4, 5, 6]],
        [[1, 2, 3], [1, 2, 3]],
        [[2, 3, 3], [5, 6, 6]],
        [[1, 1, 2], [4, 4, 5]],
    ]


def sides(bundle: Bundle, count: int) -> tuple[tuple[np.ndarray, list[ImageRecord]], ...]:
    made = []
    for seed, split, first in ((1, "train", 1), (2, "calibration", 500)):
        records = [ImageRecord(f"P-{first + i}-1", f"P-{first + i}", split, "") for i in range(count)]
        made.append((pictures(bundle, seed, count), records))
    return tuple(made)


def test_a_model_that_learnt_nothing_gives_nothing_away_and_progress_is_told(bundle: Bundle) -> None:
    train, unseen = sides(bundle, 24)
    reports: list[Progress] = []
    found = drain(attack_membership(bundle, train, unseen, Probe((0.3,), 1), most=22), reports.append)
    assert [(p.done, p.total) for p in reports] == [(i + 1, 44) for i in range(44)]
    assert found.images == found.patients == (22, 22)
    assert found.available == (24, 24)
    assert found.level in ("none", "slight")
    again = drain(attack_membership(bundle, train, unseen, Probe((0.3,), 1), most=22))
    assert again == found
    told = " ".join(membership_words(found))
    assert "22 of 24 training images (22 patients)" in told
    assert "drawn at random (seed 0)" in told
    assert told.count("With 22 unseen patients a false-positive rate of 1% cannot be measured") == 1


def test_what_was_found_is_kept_as_json(bundle: Bundle) -> None:
    found = drain(attack_membership(bundle, *sides(bundle, 3), Probe((0.3,), 1)))
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    kept = Membership.from_json(document)
    assert json.dumps(kept.to_json()) == json.dumps(document)
    assert document["level"] == "unknown"
    assert "cannot be trusted" in document["distrust"]
    assert document["attacks"][0]["rates"][0]["hits"] is None
    for broken in ({}, {**document, "attacks": [{}]}, {**document, "images": [1]}):
        with pytest.raises(InputRefused, match="run it again"):
            Membership.from_json(broken)


def test_no_side_may_be_empty(bundle: Bundle) -> None:
    train, unseen = sides(bundle, 2)
    with pytest.raises(InputRefused, match="at least one of each"):
        drain(attack_membership(bundle, train, ((), ()), Probe()))
    with pytest.raises(InputRefused, match="at most 0"):
        drain(attack_membership(bundle, train, unseen, Probe(), most=0))


def test_a_model_that_memorised_is_told_by_both_attacks(bundle: Bundle, tmp_path: Path) -> None:
    """A few hundred steps on eight images only, in the tiny model's own latents."""
    make(tmp_path / "tiny", dims=2)
    learnt = read_bundle(tmp_path / "tiny")
    train, unseen = pictures(bundle, 1, 8), pictures(bundle, 2, 8)
    with torch.no_grad():
        images = torch.from_numpy(train)[:, None]
        latents = learnt.autoencoder.encode(images)[0] * learnt.latent_scale
    learnt.unet.requires_grad_(True)
    optimiser = torch.optim.Adam(learnt.unet.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        t = torch.randint(50, 600, (8,), generator=generator)
        noise = torch.randn(latents.shape, generator=generator)
        seen, target = learnt.schedule.target(latents, noise, t)
        loss = (learnt.unet(seen, t) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    learnt.unet.eval()
    scores = [
        np.array([attack_image(learnt, image, Probe()) for image in images]) for images in (train, unseen)
    ]
    for column in (0, 1):
        assert (scores[0][:, column][:, None] > scores[1][:, column]).mean() > 0.8
