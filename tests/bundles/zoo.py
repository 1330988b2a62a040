"""Synthetic bundles in the layout of MONAI's model zoo, with tiny networks that MONAI itself made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from monai.networks.nets import AutoencoderKL, DiffusionModelUNet

LICENCE = "Apache License\nVersion 2.0, January 2004\n"
CONDITIONS = ("gender", "age", "brain_vol")
AUTOENCODER = {
    "in_channels": 1, "out_channels": 1, "latent_channels": 2, "channels": [8, 16], "num_res_blocks": 1,
    "norm_num_groups": 4, "norm_eps": 1e-06, "attention_levels": [False, False],
    "with_encoder_nonlocal_attn": False, "with_decoder_nonlocal_attn": False,
}  # fmt: skip
UNET = {
    "in_channels": 2, "out_channels": 2, "channels": [8, 16], "num_res_blocks": 1, "norm_num_groups": 4,
    "attention_levels": [False, True], "num_head_channels": [0, 8],
}  # fmt: skip
CONDITIONED = {
    "in_channels": 2 + len(CONDITIONS), "with_conditioning": True, "cross_attention_dim": len(CONDITIONS),
    "resblock_updown": True, "transformer_num_layers": 1, "upcast_attention": True, "num_head_channels": [0, 16],
}  # fmt: skip
ATTENDING = {
    "attention_levels": [False, True], "with_encoder_nonlocal_attn": True, "with_decoder_nonlocal_attn": True,
}  # fmt: skip


@dataclass(frozen=True)
class Zoo:
    """A bundle on disk, and the networks that its weights are of."""

    path: Path
    autoencoder: AutoencoderKL
    unet: DiffusionModelUNet


def make_zoo(
    path: Path,
    dims: int = 3,
    *,
    legacy: bool = False,
    conditioned: bool = False,
    attending: bool = False,
    suffix: str = ".pt",
) -> Zoo:
    """Write a bundle; ``legacy`` one of the older "generative models" package, with its names of classes and weights.

    ``conditioned`` ones take three numbers as the brain model of the zoo does; ``attending`` ones attend in the
    autoencoder too.
    """
    torch.manual_seed(7)
    about = {"spatial_dims": dims, **AUTOENCODER, **(ATTENDING if attending else {})}
    noise = {"spatial_dims": dims, **UNET, **(CONDITIONED if conditioned else {})}
    autoencoder = alive(AutoencoderKL(**about, include_fc=not legacy))
    unet = alive(DiffusionModelUNet(**noise, include_fc=not legacy or conditioned))
    (path / "configs").mkdir(parents=True)
    (path / "models").mkdir()
    (path / "scripts").mkdir()
    (path / "LICENSE").write_text(LICENCE)
    write(path / "configs" / "inference.json", inference(dims, about, noise, legacy, conditioned))
    write(path / "configs" / "metadata.json", metadata(dims))
    for name, network in (("model_autoencoder", autoencoder), ("model", unet)):
        state = older(network) if legacy else network.state_dict()
        save(state, path / "models" / (name + suffix))
    return Zoo(path, autoencoder, unet)


def save(state: dict[str, torch.Tensor], path: Path) -> None:
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(state, path)
    else:
        torch.save(state, path)


def alive(network: torch.nn.Module) -> Any:
    """MONAI starts some layers at zero: every weight shall matter."""
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval().requires_grad_(False)


def older(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state under the names of the older package, with the layers that it had and never used."""
    state = {}
    for key, value in network.state_dict().items():
        if ".attn.to_q.weight" in key:
            block = key.removesuffix(".attn.to_q.weight")
            state[f"{block}.proj_attn.weight"] = torch.full_like(value, 9)
            state[f"{block}.proj_attn.bias"] = torch.full_like(value[0], 9)
        name = key.replace(".attn.to_", ".to_").replace(".postconv.", ".conv.")
        if "transformer_blocks" in key:
            name = name.replace(".out_proj.", ".to_out.0.")
        state[name] = value
    assert set(state) != set(network.state_dict())
    return state


def inference(
    dims: int, about: dict[str, Any], noise: dict[str, Any], legacy: bool = False, conditioned: bool = False
) -> dict[str, Any]:
    """`inference.json` as the zoo writes it, expressions included."""
    home = "generative" if legacy else "monai"
    about, noise = dict(about), dict(noise)
    if legacy:
        for arguments in (about, noise):
            arguments["num_channels"] = arguments.pop("channels")
        about["use_checkpointing"] = True
        noise["use_flash_attention"] = True
    asked: dict[str, Any] = {}
    if conditioned:
        asked = {name: round(0.2 + 0.3 * i, 1) for i, name in enumerate(CONDITIONS)}
        names = ", ".join("@" + name for name in CONDITIONS)
        asked["conditioning"] = f"$torch.tensor([[{names}]]).to(@device).unsqueeze(1)"
    return {
        "imports": ["$import torch", "$from datetime import datetime", "$from pathlib import Path"],
        "bundle_root": ".",
        "model_dir": "$@bundle_root + '/models'",
        "create_output_dir": "$Path(@output_dir).mkdir(exist_ok=True)",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "spatial_dims": dims,
        "latent_channels": 2,
        "latent_shape": ["@latent_channels", *[8, 12, 8][:dims]],
        **asked,
        "autoencoder_def": {
            "_target_": f"{home}.networks.nets.AutoencoderKL",
            **about,
            "spatial_dims": "@spatial_dims",
            "latent_channels": "@latent_channels",
        },
        "network_def": {"_target_": f"{home}.networks.nets.DiffusionModelUNet", **noise},
        "load_autoencoder_path": "$@bundle_root + '/models/model_autoencoder.pt'",
        "load_autoencoder": "$@autoencoder_def.load_old_state_dict(torch.load(@load_autoencoder_path))",
        "autoencoder": "$@autoencoder_def.to(@device)",
        "load_diffusion_path": "$@model_dir + '/model.pt'",
        "diffusion": "$@network_def.to(@device)",
        "noise_scheduler": {
            "_target_": f"{home}.networks.schedulers.DDIMScheduler",
            "_requires_": ["@load_diffusion", "@load_autoencoder"],
            "num_train_timesteps": 1000,
            "beta_start": 0.0015,
            "beta_end": 0.0205,
            "schedule": "scaled_linear_beta",
            "clip_sample": False,
        },
        "noise": "$torch.randn([1]+@latent_shape).to(@device)",
        "inferer": {"_target_": "scripts.ldm_sampler.LDMSampler", "_requires_": "@set_timesteps"},
        "run": ["$@saver(@generated_image[0])"],
    }


def metadata(dims: int) -> dict[str, Any]:
    """`metadata.json` as the zoo writes it."""
    pred = {
        "type": "image", "num_channels": 1, "spatial_shape": [16] * dims, "value_range": [0, 1], "is_patch_data": True,
    }  # fmt: skip
    return {
        "version": "1.0.0",
        "task": "Synthesis for tests",
        "name": "Tiny brains, latent diffusion",
        "copyright": "Copyright (c) nobody",
        "image_classes": "T1w head MRI with 4x4x4 mm voxel size",
        "autoencoder_data_format": {"inputs": {}, "outputs": {"pred": pred}},
    }


def write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=4))
