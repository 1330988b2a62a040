"""The recognition learns a handful by heart, the same weights from one seed, and goes on after a kill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.networks.identity import IdentityShape
from medsynth_desktop.networks.recogniser import Recogniser
from medsynth_desktop.training.contrast import contrast_loss, platt, shown_too
from medsynth_desktop.training.disguises import Disguises
from medsynth_desktop.training.identity import (
    IdentitySettings,
    kept_from_learning,
    settings_for,
    train_identity,
)
from medsynth_desktop.training.recognition import COPIES, REPEATS, recognise

TINY = IdentitySettings(IdentityShape(2, (8, 16), 16, 2, 4, 8), side=16, steps=6, batch=6, rate=5e-3)


def patients(count: int, each: int = 1, dims: int = 2) -> tuple[np.ndarray, list[ImageRecord]]:
    """Smooth fields; the images of one patient differ by faint noise."""
    generator = np.random.default_rng(5)
    images, records = [], []
    for number in range(count):
        field = ndimage.gaussian_filter(generator.normal(size=(16,) * dims), 2)
        field /= 3 * field.std()
        for visit in range(each):
            images.append(np.clip(field + generator.normal(0, 0.02, field.shape), -1, 1))
            records.append(ImageRecord(f"P-{number:02}-{visit}", f"P-{number:02}", "train", ""))
    return np.stack(images).astype(np.float32), records


def train(out: Path, settings: IdentitySettings = TINY, count: int = 6, each: int = 1, data: str = "x"):  # type: ignore[no-untyped-def]
    return train_identity(*patients(count, each, settings.shape.spatial_dims), settings, out, data)


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return dict(network.state_dict())


def test_it_learns_a_handful_by_heart(tmp_path: Path) -> None:
    settings = replace(TINY, steps=120, how=Disguises(shift=1, turn=5, noise=0.05, blur=0.0, part=0.0))
    trained = drain(train(tmp_path, settings, each=2))
    assert trained.summary.curve[-1] < 0.5 * trained.summary.curve[0]
    recogniser = Recogniser(trained.network, (16, 16), settings.side, "f")
    first, second = drain(recognise(recogniser, *patients(6, 2), settings.how))
    assert (first.pairs, second.pairs) == (REPEATS, COPIES)
    assert (first.auc, first.precision) == (1.0, 1.0)
    assert (first.patients, first.asked, first.images) == (6, 6, 12)
    assert second.auc > 0.9


@pytest.mark.parametrize("dims", [2, 3])
def test_one_seed_gives_one_network_and_another_another(tmp_path: Path, dims: int) -> None:
    settings = replace(TINY, shape=replace(TINY.shape, spatial_dims=dims), steps=2)
    one, same, other = (
        drain(train(tmp_path / str(i), replace(settings, seed=seed))) for i, seed in enumerate((3, 3, 4))
    )
    assert all(torch.equal(v, weights(same.network)[k]) for k, v in weights(one.network).items())
    assert not all(torch.equal(v, weights(other.network)[k]) for k, v in weights(one.network).items())
    assert one.summary.curve == same.summary.curve


@pytest.mark.parametrize("at", [1, 4])
def test_an_interrupted_run_ends_exactly_as_one_that_was_not(tmp_path: Path, at: int) -> None:
    whole = drain(train(tmp_path / "whole", count=12))
    steps = train(tmp_path / "parts", count=12)
    for progress in steps:
        if "Training the recognition" in progress.message and progress.done == at:
            break
    steps.close()
    torch.manual_seed(99)  # whatever else drew random numbers meanwhile
    resumed = drain(train(tmp_path / "parts", count=12))
    assert resumed.summary.curve == whole.summary.curve
    assert all(torch.equal(v, weights(resumed.network)[k]) for k, v in weights(whole.network).items())


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    drain(train(tmp_path))
    with pytest.raises(InputRefused, match="other settings or other data"):
        drain(train(tmp_path, data="y"))


def test_one_patient_cannot_be_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="two patients or more; the training split has 1"):
        drain(train(tmp_path, count=1, each=3))


def test_some_patients_are_kept_from_learning_whole_and_by_the_seed() -> None:
    owners = [f"P-{i % 20:02}" for i in range(60)]
    kept = kept_from_learning(owners, TINY)
    assert len(kept) == 3
    assert kept == kept_from_learning(owners[::-1], TINY)
    assert kept != kept_from_learning(owners, replace(TINY, seed=1))
    assert kept_from_learning(owners[:9], TINY) == ()


def test_kept_patients_are_not_learnt_from(tmp_path: Path) -> None:
    """Other voxels in an image of a kept patient change no weight but those of the adjustment."""
    images, records = patients(12)
    kept = kept_from_learning([r.patient for r in records], TINY)
    changed = images.copy()
    changed[[r.patient in kept for r in records]] *= -0.5
    one, other = (
        weights(drain(train_identity(i, records, TINY, tmp_path / n, "x")).network)
        for n, i in (("a", images), ("b", changed))
    )
    assert {k for k in one if not torch.equal(one[k], other[k])} <= {"platt"}


def test_what_a_part_was_pasted_into_is_no_stranger() -> None:
    pasted = torch.tensor([True, False, True])
    wanted = [[1, 0, 0], [0, 1, 1], [1, 0, 1]]  # view 0 shows patient 2 too, view 2 patient 1
    assert shown_too(pasted).int().tolist() == wanted


def _unit(*rows: Sequence[float]) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.tensor(rows, dtype=torch.float64), dim=1)


def test_the_contrast_by_hand() -> None:
    """Two patients on the axes: each view sees its own at cosine 1 and two strangers at 0."""
    views = _unit([1, 0], [0, 1])
    loss, hardest = contrast_loss(views, views, torch.zeros(2, dtype=torch.bool), temperature=0.5)
    assert float(loss) == pytest.approx(np.log(1 + 2 * np.exp(-2)))
    assert hardest.tolist() == [1, 0]


def test_a_pasted_pair_pulls_nobody() -> None:
    """With three patients, view 1 pasted into patient 0: their likeness may be anything."""
    first = _unit([1, 0, 0], [0, 1, 0], [0, 0, 1])
    pasted = torch.tensor([False, True, False])
    second = _unit([1, 0, 0], [0.6, 0.8, 0], [0, 0, 1])
    loss, hardest = contrast_loss(first, second, pasted, 0.5)
    e = np.exp
    own, mixed = 2.0, 2 * 0.8
    rows = [  # of each view its own pair, and all strangers that count
        (own, [0, 0, 0]), (mixed, [0, 0, 0, 0]), (own, [0, 0, 0, 0]),
        (own, [0, 0, 0]), (mixed, [0, 0]), (own, [0, 0, 0, 0]),
    ]  # fmt: skip
    by_hand = np.mean([-o + np.log(e(o) + sum(e(s) for s in strangers)) for o, strangers in rows])
    assert float(loss) == pytest.approx(by_hand)
    assert hardest[0] == 2


def test_probabilities_are_brought_to_what_they_are_worth() -> None:
    """Log-odds three times too sure, and off by one, are put right."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(200_000, generator=generator, dtype=torch.float64) * 2
    same = torch.rand(len(truth), generator=generator, dtype=torch.float64) < torch.sigmoid(truth)
    stated = 3 * truth + 1
    slope, offset = platt(stated[same], stated[~same])
    assert slope == pytest.approx(1 / 3, rel=0.05)
    assert offset == pytest.approx(-1 / 3, abs=0.05)


def test_pairs_without_an_error_promise_no_certainty() -> None:
    slope, offset = platt(torch.full((20,), 5.0), torch.full((380,), -5.0))
    sure = torch.sigmoid(torch.tensor(slope * 5 + offset))
    assert 0.9 < sure < 0.99


@pytest.mark.parametrize("dims", [2, 3])
def test_settings_suit_the_dimensions(dims: int) -> None:
    settings = settings_for(dims, seed=2, steps=7)
    assert (settings.shape.spatial_dims, settings.seed, settings.steps) == (dims, 2, 7)
    with pytest.raises(InputRefused, match="at least one step"):
        settings_for(dims, steps=0)
