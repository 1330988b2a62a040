from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from medsynth_desktop.bundles import describe_bundle, read_bundle
from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import SampleSettings
from medsynth_desktop.samplers.sampling import draw_sample
from tests.bundles.tiny import factorised_facts, facts, make, quantised_facts


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    record = make(tmp_path / "b", dtype=torch.float32)
    bundle = read_bundle(tmp_path / "b")
    assert bundle.record == record
    assert record.recipe == facts().recipe
    assert (record.name, record.licence, record.cohort_hash) == ("tiny", "CC0-1.0", "ab" * 32)
    assert (bundle.autoencoder_shape, bundle.unet_shape) == (facts().autoencoder, facts().unet)
    assert bundle.latent_shape == (2, 4, 6, 8)
    torch.manual_seed(0)
    fresh = facts().unet.build()
    weights = bundle.unet.state_dict()
    assert torch.equal(fresh.state_dict()["conv_in.conv.weight"], weights["conv_in.conv.weight"])
    assert not bundle.unet.training
    assert not any(p.requires_grad for p in bundle.unet.parameters())


def test_a_model_of_ours_is_written_as_before_there_were_models_from_elsewhere(original: Path) -> None:
    document = json.loads((original / "bundle.json").read_text())
    assert set(document["autoencoder"]) == {
        "spatial_dims", "channels", "res_blocks", "latent_channels", "norm_groups", "transposed", "fold",
    }  # fmt: skip
    assert not set(document["unet"]) & {
        "level_heads",
        "residual_resampling",
        "projected",
        "unasked",
        "concatenated",
    }
    assert read_bundle(original).unet_shape == facts().unet


def test_the_hash_covers_every_byte_and_not_the_place(original: Path, folder: Path) -> None:
    assert read_bundle(original).record.hash == read_bundle(folder).record.hash
    readme = folder / "README.md"
    readme.write_text(readme.read_text() + " ")
    assert read_bundle(original).record.hash != read_bundle(folder).record.hash


def test_the_hash_covers_which_file_says_what(folder: Path) -> None:
    before = read_bundle(folder).record.hash
    (folder / "README.md").rename(folder / "LICENSE")
    assert read_bundle(folder).record.hash != before


def test_half_precision_halves_the_files(original: Path, tmp_path: Path) -> None:
    make(tmp_path / "whole", dtype=torch.float32)
    size = [(p / "diffusion.safetensors").stat().st_size for p in (original, tmp_path / "whole")]
    assert 0.45 < size[0] / size[1] < 0.65
    assert next(read_bundle(original).unet.parameters()).dtype == torch.float32


def test_a_bundle_is_described_in_json(original: Path) -> None:
    document = json.loads(json.dumps(describe_bundle(original)))
    assert document["hash"] == read_bundle(original).record.hash
    assert document["unet"]["parameters"] == sum(p.numel() for p in facts().unet.build().parameters())
    assert document["training"] == {"images": 3}


def test_nothing_is_overwritten_and_nothing_half_written_stays(original: Path, tmp_path: Path) -> None:
    shutil.copytree(original, tmp_path / "b")
    with pytest.raises(StoreFailed, match="exists"):
        make(tmp_path / "b")
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize("dims", [2, 3])
def test_decode_gives_the_grid_in_range_and_preview_a_picture(tmp_path: Path, dims: int) -> None:
    make(tmp_path / "b", dims)
    bundle = read_bundle(tmp_path / "b")
    latent = 50 * torch.randn(bundle.latent_shape, generator=torch.Generator().manual_seed(0))
    image = bundle.decode(latent)
    assert image.shape == bundle.record.recipe.grid
    assert image.dtype == np.float32
    assert -1 <= image.min() < image.max() <= 1
    preview = bundle.preview(latent)
    # Rows run down; the first row of a volume is the top of the head (z), columns run to the front (y).
    assert preview.shape == ((32, 24) if dims == 3 else (24, 16))


def test_a_bundle_that_names_no_kind_has_a_kl_autoencoder(original: Path, tmp_path: Path) -> None:
    assert "kind" not in json.loads((original / "bundle.json").read_text())["autoencoder"]
    named = Path(shutil.copytree(original, tmp_path / "named"))
    document = json.loads((named / "bundle.json").read_text())
    document["autoencoder"]["kind"] = "kl"
    (named / "bundle.json").write_text(json.dumps(document))
    assert read_bundle(named).autoencoder_shape == read_bundle(original).autoencoder_shape


def test_a_bundle_from_before_there_were_kinds_keeps_its_hash() -> None:
    """The demo's bundle was written before; what it is called stands in the record of how it was made."""
    demo = Path(__file__).resolve().parents[2] / "resources" / "demo"
    bundle = read_bundle(demo / "bundle")
    told = json.loads((demo / "RECORD.json").read_text())
    assert bundle.record.hash == told["bundle_hash"]


@pytest.mark.parametrize("dims", [2, 3])
def test_a_codebook_is_written_read_and_decodes_by_its_codes_alone(tmp_path: Path, dims: int) -> None:
    about = quantised_facts(dims)
    make(tmp_path / "b", dims, torch.float32, about)
    bundle = read_bundle(tmp_path / "b")
    assert bundle.autoencoder_shape == about.autoencoder
    assert bundle.latent_shape == (2, 4, 6, 8)[: dims + 1]
    described = json.loads(json.dumps(describe_bundle(tmp_path / "b")))
    assert (described["autoencoder"]["kind"], described["autoencoder"]["codes"]) == ("quantised", 32)
    codebook = bundle.autoencoder.codebook
    chosen = codebook.codes[torch.arange(4 * 6 * (8 if dims == 3 else 1)) % 32]
    exact = codebook.normalise(chosen.T.reshape(bundle.latent_shape))
    assert float(exact.min()) == pytest.approx(-1, abs=1e-6)
    assert float(exact.max()) == pytest.approx(1, abs=1e-6)
    image = bundle.decode(exact)
    assert image.shape == bundle.record.recipe.grid
    assert np.array_equal(bundle.decode(exact + 1e-6), image)  # what is near a code is that code
    latents = bundle.encode(image[None])
    assert latents.shape == (1, *bundle.latent_shape)
    assert bundle.preview(exact).ndim == 2


def test_a_unet_of_planes_and_depth_is_read_drawn_from_and_named(tmp_path: Path) -> None:
    record = make(tmp_path / "planes", about=factorised_facts())
    described = describe_bundle(tmp_path / "planes")
    assert described["unet"]["kind"] == "factorised"
    assert described["hash"] == record.hash
    bundle = read_bundle(tmp_path / "planes")
    image = drain(draw_sample(bundle, 1, SampleSettings(steps=2), "cpu"))
    assert image.shape == record.recipe.grid
    assert np.isfinite(image).all()


def test_a_bundle_whose_unet_names_no_kind_has_monais(original: Path, tmp_path: Path) -> None:
    assert "kind" not in json.loads((original / "bundle.json").read_text())["unet"]


@pytest.mark.parametrize("codes", [True, False])
def test_only_latents_normalised_by_a_codebook_are_kept_in_its_range(codes: bool, tmp_path: Path) -> None:
    make(tmp_path / "b", about=quantised_facts() if codes else facts())
    bundle = read_bundle(tmp_path / "b")
    x = 50 * torch.randn(bundle.latent_shape, generator=torch.Generator().manual_seed(0))[None]
    with torch.inference_mode():
        largest = float(bundle.denoiser()(x, 40.0).abs().max())
    assert (largest <= 1) is codes
