"""Bundles of MONAI become bundles of ours that compute what MONAI's own networks compute."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.networks.nets import AutoencoderKL, DiffusionModelUNet
from monai.networks.schedulers import DDIMScheduler

from medsynth_desktop.bundles import Bundle, read_bundle
from medsynth_desktop.bundles.foreign import Asked, convert_bundle, is_foreign
from medsynth_desktop.bundles.foreign.config import Config
from medsynth_desktop.bundles.foreign.shapes import autoencoder_shape, unet_shape
from medsynth_desktop.bundles.weights import empty_network
from medsynth_desktop.core.errors import BundleRefused, InputRefused
from medsynth_desktop.networks.bounded import decode, encode
from medsynth_desktop.networks.tiling import Budget
from tests.bundles.zoo import CONDITIONS, Zoo, inference, make_zoo, write

KINDS: dict[str, dict[str, Any]] = {
    "3D": {},
    "2D with attention": {"dims": 2, "attending": True},
    "older 3D": {"legacy": True},
    "older 2D with attention": {"dims": 2, "legacy": True, "attending": True},
    "3D with conditions": {"conditioned": True},
    "older with conditions": {"conditioned": True, "legacy": True},
    "safetensors": {"dims": 2, "suffix": ".safetensors"},
}


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.replace(" ", "-"))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Zoo, Bundle]:
    """A bundle of the zoo and what became of it."""
    folder = tmp_path_factory.mktemp("zoo")
    zoo = make_zoo(folder / "zoo", **KINDS[request.param])
    convert_bundle(zoo.path, folder / "own", Asked())
    return zoo, read_bundle(folder / "own")


def test_a_latent_is_decoded_as_monai_decodes_it(pair: tuple[Zoo, Bundle]) -> None:
    zoo, bundle = pair
    latent = torch.randn(1, *bundle.latent_shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        theirs, ours = zoo.autoencoder.decode(latent), bundle.autoencoder.decode(latent)
        exact, exact_ours = (
            copy.deepcopy(one).double().decode(latent.double())
            for one in (zoo.autoencoder, bundle.autoencoder)
        )
    assert theirs.std() > 1e-3
    torch.testing.assert_close((ours + 1) / 2, theirs, atol=1e-5, rtol=0)  # theirs lie in [0, 1]
    torch.testing.assert_close((exact_ours + 1) / 2, exact, atol=1e-9, rtol=0)


def test_tiles_and_whole_are_the_same(pair: tuple[Zoo, Bundle]) -> None:
    bundle = pair[1]
    latent = torch.randn(2, *bundle.latent_shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        whole = bundle.autoencoder.decode(latent)
        tiled = decode(bundle.autoencoder, latent, whole=1, budget=Budget(tile=1 << 14))
        means = bundle.autoencoder.encode(whole)[0]
        again = encode(bundle.autoencoder, whole, whole=1, budget=Budget(tile=1 << 14))
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(again, means, atol=1e-4, rtol=0)


def test_an_image_is_encoded_as_monai_encodes_it(pair: tuple[Zoo, Bundle]) -> None:
    zoo, bundle = pair
    image = torch.rand(1, 1, *bundle.record.recipe.grid, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        theirs, ours = zoo.autoencoder.encode(image)[0], bundle.autoencoder.encode(2 * image - 1)[0]
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_the_unet_predicts_what_monais_predicts(pair: tuple[Zoo, Bundle]) -> None:
    zoo, bundle = pair
    x = torch.randn(2, *bundle.latent_shape, generator=torch.Generator().manual_seed(3))
    t = torch.tensor([500, 20])
    given, context, seen = None, None, x
    if bundle.record.conditions:
        values = torch.tensor([[0.0, 0.75, 1.0], [1.0, 0.125, 0.5]])
        given, context = 2 * values - 1, values[:, None]
        planes = values.reshape(2, 3, *[1] * (x.ndim - 2)).expand(-1, -1, *x.shape[2:])
        seen = torch.cat([x, planes], 1)
    with torch.inference_mode():
        theirs, ours = zoo.unet(seen, t, context), bundle.unet(x, t.float(), given)
    assert theirs.std() > 1e-3
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


def test_the_noise_is_the_schedulers(pair: tuple[Zoo, Bundle]) -> None:
    about = json.loads((pair[0].path / "configs" / "inference.json").read_text())["noise_scheduler"]
    keys = ("num_train_timesteps", "beta_start", "beta_end", "schedule")
    kept = DDIMScheduler(**{key: about[key] for key in keys}).alphas_cumprod.double()
    assert pair[1].schedule.prediction == "epsilon"
    torch.testing.assert_close(pair[1].schedule.sigmas(), ((1 - kept) / kept).sqrt(), atol=0, rtol=2e-3)


def test_what_is_known_of_it_is_kept_and_what_is_not_is_said(
    pair: tuple[Zoo, Bundle], tmp_path: Path
) -> None:
    zoo, bundle = pair
    record = bundle.record
    dims = len(record.recipe.grid)
    assert record.recipe.grid == (16, 24, 16)[:dims]
    assert (record.recipe.spacing, record.recipe.modality) == (4.0, "MR")
    assert (record.name, record.licence) == ("Tiny brains latent diffusion", "Apache-2.0")
    assert record.cohort_hash == ""
    facts = json.loads((Path(record.path) / "bundle.json").read_text())
    assert set(facts["training"]["imported"]["files"]) == {
        f"models/{p.name}" for p in zoo.path.glob("models/*")
    }
    assert "--latent-scale" in facts["training"]["imported"]["notes"][-1]
    again = convert_bundle(zoo.path, tmp_path / "again", Asked())
    assert again.hash == record.hash


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    return make_zoo(tmp_path / "zoo", 2)


def convert(zoo: Zoo, asked: Asked | None = None) -> Bundle:
    target = zoo.path.with_name(f"own{len(list(zoo.path.parent.iterdir()))}")
    convert_bundle(zoo.path, target, asked or Asked())
    return read_bundle(target)


def edit(zoo: Zoo, change: Callable[[dict[str, Any]], Any], file: str = "inference") -> None:
    path = zoo.path / "configs" / f"{file}.json"
    document = json.loads(path.read_text())
    change(document)
    write(path, document)


def test_ours_and_theirs_are_told_apart(zoo: Zoo, original: Path) -> None:
    assert is_foreign(zoo.path)
    assert not is_foreign(original)
    assert not is_foreign(zoo.path / "configs")


def test_what_the_user_says_wins(zoo: Zoo) -> None:
    edit(zoo, lambda d: d.update(scale_factor=0.5))
    assert convert(zoo).latent_scale == 0.5
    bundle = convert(zoo, Asked((32, 16), 2.5, "-1,1", 0.25))
    assert (bundle.record.recipe.grid, bundle.record.recipe.spacing) == ((32, 16), 2.5)
    assert (bundle.latent_scale, bundle.autoencoder_shape.unit_range) == (0.25, False)


@pytest.mark.parametrize(("file", "key", "option"), [
    ("metadata", "autoencoder_data_format", "--values"), ("metadata", "image_classes", "--spacing"),
    ("inference", "latent_shape", "--grid"),
])  # fmt: skip
def test_what_nobody_says_is_asked_for(zoo: Zoo, file: str, key: str, option: str) -> None:
    edit(zoo, lambda d: d.pop(key), file)
    with pytest.raises(BundleRefused, match=option):
        convert(zoo, Asked(values="0,1") if option == "--grid" else None)


@pytest.mark.parametrize(("asked", "says"), [
    (Asked((16, 24, 16)), "2 axes"), (Asked((15, 24)), "divide"), (Asked((16, 1 << 20)), "axes of 8 to 1024"),
    (Asked(spacing=0), "mm"), (Asked(spacing=float("nan")), "mm"), (Asked(values="0,255"), "-1,1"),
    (Asked(latent_scale=0), "scale"), (Asked(latent_scale=float("nan")), "scale"),
])  # fmt: skip
def test_what_cannot_be_is_refused(zoo: Zoo, asked: Asked, says: str) -> None:
    with pytest.raises(BundleRefused, match=says):
        convert(zoo, asked)


def test_a_scale_that_is_computed_is_asked_for_unless_it_lies_beside_the_weights(zoo: Zoo) -> None:
    edit(zoo, lambda d: d.update(scale_factor="$@checkpoint['scale_factor'].to(@device)"))
    with pytest.raises(BundleRefused, match="scale_factor.*--latent-scale"):
        convert(zoo)
    state = {"unet_state_dict": zoo.unet.state_dict(), "scale_factor": torch.tensor(0.75), "epoch": 3}
    torch.save(state, zoo.path / "models" / "model.pt")
    assert convert(zoo).latent_scale == 0.75


def test_a_shape_spelt_out_in_the_noise_is_understood_without_running_it(zoo: Zoo) -> None:
    edit(zoo, lambda d: (d.pop("latent_shape"), d.update(noise="$torch.randn((1, 2, 10, 12)).to(@device)")))
    assert convert(zoo).record.recipe.grid == (20, 24)


def test_conditions_are_asked_as_numbers_from_0_to_1(tmp_path: Path) -> None:
    bundle = convert(make_zoo(tmp_path / "zoo", conditioned=True))
    assert [c.name for c in bundle.record.conditions] == list(CONDITIONS)
    x = torch.randn(1, *bundle.latent_shape, generator=torch.Generator().manual_seed(0))

    def expected(asked: dict[str, float | str]) -> torch.Tensor:
        with torch.inference_mode():
            return bundle.denoiser(asked)(x, 2.0)

    # 0.2, 0.5 and 0.8 are what the bundle's own run takes.
    torch.testing.assert_close(expected({}), expected({"gender": 0.2, "age": 0.5, "brain_vol": 0.8}))
    assert not torch.allclose(expected({"age": 1.0}), expected({"age": 0.0}), atol=1e-4)
    with pytest.raises(InputRefused, match="from 0 to 1"):
        bundle.denoiser({"age": 63})
    with pytest.raises(InputRefused, match="guidance"):
        bundle.denoiser({"age": 0.5}, guidance=2.0)


BRAIN: tuple[dict[str, Any], dict[str, Any]] = (
    {
        "spatial_dims": 3, "in_channels": 1, "out_channels": 1, "latent_channels": 3, "channels": [64, 128, 128, 128],
        "num_res_blocks": 2, "norm_num_groups": 32, "norm_eps": 1e-06, "attention_levels": [False] * 4,
        "with_encoder_nonlocal_attn": False, "with_decoder_nonlocal_attn": False,
    },
    {
        "spatial_dims": 3, "in_channels": 7, "out_channels": 3, "channels": [256, 512, 768], "num_res_blocks": 2,
        "attention_levels": [False, True, True], "norm_num_groups": 32, "norm_eps": 1e-06, "resblock_updown": True,
        "num_head_channels": [0, 512, 768], "with_conditioning": True, "transformer_num_layers": 1,
        "cross_attention_dim": 4, "upcast_attention": True, "use_flash_attention": False,
    },
)  # fmt: skip
BRATS: tuple[dict[str, Any], dict[str, Any]] = (
    {
        "spatial_dims": 3, "in_channels": 1, "out_channels": 1, "latent_channels": 8, "channels": [64, 128, 256],
        "num_res_blocks": 2, "norm_num_groups": 32, "norm_eps": 1e-06, "attention_levels": [False] * 3,
        "with_encoder_nonlocal_attn": False, "with_decoder_nonlocal_attn": False, "include_fc": False,
    },
    {
        "spatial_dims": 3, "in_channels": 8, "out_channels": 8, "channels": [256, 256, 512],
        "attention_levels": [False, True, True], "num_head_channels": [0, 64, 64], "num_res_blocks": 2,
        "include_fc": False, "use_combined_linear": False,
    },
)  # fmt: skip
SLICES: tuple[dict[str, Any], dict[str, Any]] = (
    {
        "spatial_dims": 2, "in_channels": 1, "out_channels": 1, "latent_channels": 1, "channels": [64, 128, 256],
        "num_res_blocks": 2, "norm_num_groups": 32, "norm_eps": 1e-06, "attention_levels": [False] * 3,
        "with_encoder_nonlocal_attn": True, "with_decoder_nonlocal_attn": True, "include_fc": False,
    },
    {
        "spatial_dims": 2, "in_channels": 1, "out_channels": 1, "channels": [32, 64, 128, 256],
        "attention_levels": [False, True, True, True], "num_head_channels": [0, 32, 32, 32], "num_res_blocks": 2,
        "include_fc": False, "use_combined_linear": False,
    },
)  # fmt: skip


@pytest.mark.parametrize("real", [BRAIN, BRATS, SLICES], ids=["brain", "brats", "slices"])
def test_the_networks_of_the_model_zoo_are_described_to_the_last_weight(
    real: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    about, noise = real
    config = Config("configs/inference.json", inference(about["spatial_dims"], about, noise))
    config.document["autoencoder_def"]["latent_channels"] = about["latent_channels"]
    unasked = (0.0, 0.1, 0.2, 0.4) if noise.get("with_conditioning") else ()
    shapes = autoencoder_shape(config, True), unet_shape(config, about["latent_channels"], unasked)[0]
    with torch.device("meta"):
        theirs = AutoencoderKL(**about), DiffusionModelUNet(**noise)
    for shape, network in zip(shapes, theirs, strict=True):
        wanted = {key: t.shape for key, t in network.state_dict().items()}
        assert {k: t.shape for k, t in empty_network("it", shape.build).state_dict().items()} == wanted
