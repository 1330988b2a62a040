"""Latent filtering: every sampler keeps the candidate farthest from the training latents, and says which it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medsynth_desktop.bundles import read_bundle
from medsynth_desktop.core.errors import InputRefused, NotFound
from medsynth_desktop.core.progress import Progress, drain
from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.samplers import SAMPLERS
from medsynth_desktop.samplers.sampling import draw_latents, draw_sample
from medsynth_desktop.samplers.seeds import noise_seed
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.keeping_away import with_cohort
from medsynth_desktop.workbench.sampling import sample_batch, sample_id
from tests.workbench.small import open_small, picture


def distances(
    path: Path, seeds: list[int], settings: SampleSettings, images: list[np.ndarray]
) -> list[float]:
    """By hand: to the nearest latent of an image or its mirror."""
    bundle = read_bundle(path)
    both = torch.from_numpy(np.stack([side for image in images for side in (image, image[::-1])]))[:, None]
    with torch.inference_mode():
        known = bundle.autoencoder.encode(both)[0].double() * bundle.latent_scale
        drawn = [drain(draw_latents(bundle, [seed], settings, "cpu"))[0].double() for seed in seeds]
    return [min(float((latent - one).square().sum().sqrt()) for one in known) for latent in drawn]


@pytest.mark.parametrize("key", SAMPLERS.keys())
def test_every_sampler_keeps_the_farthest_candidate(workspace: Workspace, tmp_path: Path, key: str) -> None:
    cohort, bundle = open_small(workspace, tmp_path)
    plain = SampleSettings(key, 3)
    settings = with_cohort(workspace, bundle.hash, replace(plain, candidates=4), "real")
    reports: list[Progress] = []
    batch = drain(sample_batch(workspace, bundle.hash, 2, settings, 7, "cpu", "b"), reports.append)
    images = [picture(number, cohort.recipe.grid) for number in range(6)]
    kept = []
    for sample, seed in zip(batch.samples, (7, 8), strict=True):
        seeds = [noise_seed(seed, 0, candidate) for candidate in range(4)]
        best = seeds[int(np.argmax(distances(tmp_path / "tiny", seeds, plain, images)))]
        assert (sample.seed, sample.noise_seed, sample.attempts) == (seed, best, 1)
        assert sample.settings == settings
        again = drain(draw_sample(read_bundle(tmp_path / "tiny"), best, plain, "cpu"))
        assert np.array_equal(workspace.arrays.get(sample.array_hash), again)
        kept.append(seeds.index(best))
    assert any(kept), "a test in which the first candidate always wins shows nothing"
    shares = [p.fraction for p in reports if p.total == 2000]
    assert shares == sorted(shares)
    assert any("candidate 3 of 4: Sampling: step 2 of 3" in p.message for p in reports)


def test_one_candidate_is_what_it_was(workspace: Workspace, tmp_path: Path) -> None:
    _, bundle = open_small(workspace, tmp_path)
    settings = SampleSettings("ddim", 3)
    batch = drain(sample_batch(workspace, bundle.hash, 1, settings, 5, "cpu", "b"))
    [sample] = batch.samples
    assert sample.settings == settings
    assert sample.noise_seed is None
    assert np.array_equal(
        workspace.arrays.get(sample.array_hash),
        drain(draw_sample(read_bundle(tmp_path / "tiny"), 5, settings, "cpu")),
    )
    assert sample_id("ab" * 32, SampleSettings("ddim", 12, {"age": 61.5}), 3, "b") == "S-a19aafb5631a"


def test_latents_are_encoded_once_and_again_only_for_new_images(workspace: Workspace, tmp_path: Path) -> None:
    from medsynth_desktop.store.cohorts import NewImage

    cohort, bundle = open_small(workspace, tmp_path)
    settings = with_cohort(workspace, bundle.hash, SampleSettings("ddim", 2, candidates=2), "real")
    said: list[str] = []

    def encoded() -> int:
        said.clear()
        chosen = with_cohort(workspace, bundle.hash, replace(settings, cohort=""), "real")
        drain(sample_batch(workspace, bundle.hash, 1, chosen, 1, "cpu"), lambda p: said.append(p.message))
        return sum("Encoding" in message for message in said)

    assert (encoded(), encoded()) == (6, 0)
    array = workspace.arrays.put(picture(99, cohort.recipe.grid))
    workspace.cohorts.add_image("real", NewImage("key99", array, "source99"))
    workspace.cohorts.finish("real", lambda known: {p: split or "train" for p, split in known.items()}, [])
    assert encoded() == 1


def test_a_batch_on_a_device_filters_as_one_by_one(workspace: Workspace, tmp_path: Path) -> None:
    from medsynth_desktop.workbench.drawing import Drawer
    from medsynth_desktop.workbench.latents import open_filter

    cohort, bundle = open_small(workspace, tmp_path)
    settings = with_cohort(workspace, bundle.hash, SampleSettings("ddim", 3, candidates=3), "real")
    model = read_bundle(tmp_path / "tiny")
    keep_away = drain(open_filter(workspace, cohort, model, {}))
    together = drain(Drawer(model, settings, "cpu", keep_away).draw([1, 2, 3]))
    alone = [drain(Drawer(model, settings, "cpu", keep_away).draw([seed]))[0] for seed in (1, 2, 3)]
    assert [d.noise_seed for d in together] == [d.noise_seed for d in alone]


def test_a_closed_run_goes_on_with_what_is_stored(workspace: Workspace, tmp_path: Path) -> None:
    _, bundle = open_small(workspace, tmp_path)
    settings = with_cohort(workspace, bundle.hash, SampleSettings("ddim", 2, candidates=2), "real")
    steps = sample_batch(workspace, bundle.hash, 3, settings, 1, "cpu", "b")
    for progress in steps:
        if progress.item is not None:
            break
    steps.close()
    first = workspace.batches.get("b").samples
    assert len(first) == 1
    whole = drain(sample_batch(workspace, bundle.hash, 3, settings, 1, "cpu", "b"))
    assert whole.samples[:1] == first
    assert [s.seed for s in whole.samples] == [1, 2, 3]


def test_wishes_that_make_no_sense_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    _, bundle = open_small(workspace, tmp_path)
    with pytest.raises(InputRefused, match="candidates must lie between 1 and 100"):
        with_cohort(workspace, bundle.hash, SampleSettings(candidates=0))
    with pytest.raises(NotFound, match="name a cohort"):
        with_cohort(workspace, bundle.hash, SampleSettings(candidates=2))
    other = replace(bundle.recipe, grid=(8, 8))
    from tests.workbench.small import add_cohort

    add_cohort(workspace, other, "other")
    with pytest.raises(InputRefused, match="grid"):
        with_cohort(workspace, bundle.hash, SampleSettings(candidates=2), "other")
