"""One contract for every sampler with every kind of network: progress, previews, cancel, seed and conditions.

A kind of autoencoder or UNet that is added to the registries without an example here fails.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from medsynth_desktop.bundles import Bundle, BundleFacts, read_bundle
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, drain
from medsynth_desktop.core.records import Condition, SampleSettings
from medsynth_desktop.networks.architecture import AUTOENCODERS, UNETS
from medsynth_desktop.samplers import SAMPLERS, sampling
from tests.bundles.tiny import QUANTISED, factorised_facts, facts, make

CONDITIONS = (Condition("label", ("ill", "well")), Condition("age", (), 20.0, 90.0))
FIRST = {
    shape: next(kind for kind, made in AUTOENCODERS.items() if made is type(shape))
    for shape in (facts().autoencoder, QUANTISED)
}
SECOND = {
    shape: next(kind for kind, made in UNETS.items() if made is type(shape))
    for shape in (facts().unet, factorised_facts().unet)
}
NETWORKS = [
    (first, second, dims)
    for first, second, dims in product(FIRST, SECOND, (2, 3))
    if dims == 3 or type(second) is type(facts().unet)  # planes without a depth are the plain UNet
]


def test_every_kind_of_network_has_an_example() -> None:
    assert set(FIRST.values()) == set(AUTOENCODERS)
    assert set(SECOND.values()) == set(UNETS)


@pytest.fixture(
    scope="module",
    params=NETWORKS,
    ids=[f"{FIRST[first]}-{SECOND[second]}-{dims}d" for first, second, dims in NETWORKS],
)
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    first, second, dims = request.param
    plain = facts(dims)
    about: BundleFacts = replace(
        plain,
        autoencoder=replace(first, spatial_dims=dims),
        unet=replace(second, spatial_dims=dims, conditions=(2, 0)),
        conditions=CONDITIONS,
        latent_scale=plain.latent_scale if first is plain.autoencoder else 1.0,
    )
    path = tmp_path_factory.mktemp("model") / "tiny"
    make(path, about=about)
    model = read_bundle(path)
    torch.manual_seed(1)
    for name, weight in model.unet.named_parameters():
        if "embed" in name or "out" in name:  # an untrained network would not heed what it is asked
            torch.nn.init.normal_(weight, std=0.3)
    return model


@pytest.mark.parametrize("key", SAMPLERS.keys())
def test_the_same_for_every_sampler_and_network(
    bundle: Bundle, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, told = SampleSettings(key, 3), list[Progress]()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with monkeypatch.context() as patched:
        patched.setattr(sampling, "PREVIEW_SECONDS", 0.0)
        patched.setattr(sampling, "PREVIEW_SHARE", math.inf)
        image = drain(sampling.draw_sample(bundle, 7, settings, "cpu"), told.append)

    assert image.shape == bundle.record.recipe.grid
    assert image.dtype == np.float32
    assert np.abs(image).max() <= 1
    assert [(p.done, p.total) for p in told] == [(i + 1, 3) for i in range(3)]
    assert [p.message for p in told] == [f"Sampling: step {i + 1} of 3" for i in range(3)]
    looked = bundle.record.recipe.grid[-1], bundle.record.recipe.grid[-2]
    assert [p.preview is not None for p in told] == [True, True, False]
    assert {p.preview.shape for p in told if p.preview is not None} == {looked}
    assert torch.equal(before, torch.get_rng_state())

    again, other = (drain(sampling.draw_sample(bundle, seed, settings, "cpu")) for seed in (7, 8))
    assert np.array_equal(image, again)
    assert not np.array_equal(image, other)

    asked = [
        drain(sampling.draw_sample(bundle, 7, replace(settings, conditions=wanted), "cpu"))
        for wanted in ({"label": "ill"}, {"label": "well"}, {"label": "ill", "age": 80.0})
    ]
    assert not np.array_equal(asked[0], asked[1])
    assert not np.array_equal(asked[0], asked[2])
    with pytest.raises(InputRefused, match="ill, well"):
        drain(sampling.draw_sample(bundle, 7, replace(settings, conditions={"label": "tall"}), "cpu"))

    coarse = drain(sampling.draw_sample(bundle, 7, replace(settings, precision="bf16"), "cpu"))
    assert coarse.dtype == np.float32
    assert not np.array_equal(image, coarse)
    assert np.corrcoef(image.ravel(), coarse.ravel())[0, 1] > 0.9

    stopped = sampling.draw_sample(bundle, 7, settings, "cpu")
    assert next(stopped).done == 1
    stopped.close()
    with pytest.raises(StopIteration):
        next(stopped)
