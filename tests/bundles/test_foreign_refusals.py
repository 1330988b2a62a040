"""A MONAI bundle comes from a stranger and is made to be run: here nothing runs, each harm ends in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medsynth_desktop.bundles.foreign import Asked, convert_bundle
from medsynth_desktop.bundles.foreign.config import Config
from medsynth_desktop.core.errors import BundleRefused
from tests.bundles.stranger import BOMB, Json, change, refusal

PLACES: dict[str, Callable[[Json, str], Any]] = {
    "autoencoder_def": lambda d, bomb: d.update(autoencoder_def=bomb),
    "network_def": lambda d, bomb: d["network_def"].update(_target_=bomb),
    "autoencoder_def#channels": lambda d, bomb: d["autoencoder_def"].update(channels=bomb),
    "network_def#attention_levels": lambda d, bomb: d["network_def"].update(attention_levels=[False, bomb]),
    "autoencoder_def#spatial_dims": lambda d, bomb: d.update(spatial_dims=bomb),
    "latent_shape": lambda d, bomb: d.update(latent_shape=[2, bomb, 8]),
    "load_autoencoder_path": lambda d, bomb: d.update(load_autoencoder_path=bomb),
    "load_diffusion_path": lambda d, bomb: d.update(
        load_diffusion_path="$@model_dir + '/model.pt' + " + bomb[1:]
    ),
    "noise_scheduler#beta_start": lambda d, bomb: d["noise_scheduler"].update(beta_start=bomb),
    "noise_scheduler#schedule": lambda d, bomb: d["noise_scheduler"].update(schedule=bomb),
    "scale_factor": lambda d, bomb: d.update(scale_factor=bomb),
    "conditioning": lambda d, bomb: d.update(conditioning=bomb),
    "age": lambda d, bomb: d.update(age=bomb),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_expression_where_something_is_needed_is_refused_by_its_key(
    bundle: Path, canary: Path, place: str
) -> None:
    change(bundle, lambda d: PLACES[place](d, "$" + BOMB.format(canary=canary)))
    assert place in refusal(bundle, canary)


def test_the_noise_may_hold_an_expression_only_in_the_form_that_is_known(bundle: Path, canary: Path) -> None:
    bomb = f"$torch.randn((1, 2, 8, {BOMB.format(canary=canary)}))"
    change(bundle, lambda d: (d.pop("latent_shape"), d.update(noise=bomb)))
    assert "--grid" in refusal(bundle, canary)


@pytest.mark.parametrize(
    "edit",
    [
        lambda d, bomb: d.update(name=bomb),
        lambda d, bomb: d.update(image_classes=bomb),
        lambda d, bomb: d.update(copyright=bomb),
        lambda d, bomb: d["autoencoder_data_format"]["outputs"]["pred"].update(value_range=bomb),
    ],
)
def test_an_expression_in_the_metadata_is_refused(
    bundle: Path, canary: Path, edit: Callable[[Json, str], Any]
) -> None:
    change(bundle, lambda d: edit(d, "$" + BOMB.format(canary=canary)), "metadata")
    assert "configs/metadata.json" in refusal(bundle, canary)


def test_expressions_and_programs_that_are_not_needed_are_never_looked_at(
    bundle: Path, canary: Path, tmp_path: Path
) -> None:
    bomb = BOMB.format(canary=canary)
    edits = {"imports": ["$" + bomb], "initialize": "$" + bomb, "run": ["$" + bomb], "device": "$" + bomb}
    change(bundle, lambda d: d.update(edits, sampler={"_target_": "os.system", "command": "$" + bomb}))
    change(bundle, lambda d: d.update({bomb: bomb, "name": bomb}), "metadata")
    (bundle / "scripts" / "__init__.py").write_text(bomb)
    (bundle / "scripts" / "sampler.py").write_text(bomb)
    record = convert_bundle(bundle, tmp_path / "own", Asked())
    assert not canary.exists()
    assert set(record.name) <= set("__import__(pathlib).Path()touch ") | set(str(canary))


EDITS: dict[str, Callable[[Json], Any]] = {
    "channels refers to %../../etc/passwd#x": lambda d: d["autoencoder_def"].update(
        channels="%../../etc/passwd#x"
    ),
    "channels refers to @../../x": lambda d: d["autoencoder_def"].update(channels="@../../x"),
    "refers to @__class__": lambda d: d["autoencoder_def"].update(channels="@__class__"),
    "latent_shape circle row": lambda d: d.update(a="@b", b="@a", latent_shape=["@a", 8, 12]),
    "latent_shape circle": lambda d: d.update(latent_shape="@latent_shape"),
    "latent_shape flat list": lambda d: d.update(
        b=[1] * 60, a=["@b"] * 60, latent_shape=["@a"] * 60
    ),
    "over 64": lambda d: d.update(latent_shape=[2] * 65),
    "load_autoencoder_path": lambda d: d.update(
        load_autoencoder_path="$@model_dir + '/../../../etc/passwd'"
    ),
    "load_diffusion_path": lambda d: d.update(load_diffusion_path="/etc/passwd"),
    "lacks models/elsewhere.pt": lambda d: d.update(load_diffusion_path="$@model_dir + '/elsewhere.pt'"),
    "autoencoder_def 'os.system'": lambda d: d["autoencoder_def"].update(_target_="os.system"),
    "network_def 'subprocess.Popen'": lambda d: d["network_def"].update(_target_="subprocess.Popen"),
    "AutoencoderKlMaisi": lambda d: d["autoencoder_def"].update(
        _target_="monai.apps.generation.maisi.networks.autoencoderkl_maisi.AutoencoderKlMaisi"
    ),
    "evil.AutoencoderKL": lambda d: d["autoencoder_def"].update(_target_="evil.AutoencoderKL"),
    "RFlowScheduler": lambda d: d["noise_scheduler"].update(
        _target_="monai.networks.schedulers.RFlowScheduler"
    ),
    "schedule 'sigmoid_beta'": lambda d: d["noise_scheduler"].update(schedule="sigmoid_beta"),
    "prediction_type 'score'": lambda d: d["noise_scheduler"].update(prediction_type="score"),
    "steps": lambda d: d["noise_scheduler"].update(num_train_timesteps=10**9),
    "noise_scheduler": lambda d: d["noise_scheduler"].update(beta_start=10**400),
    "describes no": lambda d: d.pop("network_def"),
    "autoencoder_def#_mode_": lambda d: d["autoencoder_def"].update(_mode_="debug"),
    "network_def#hook": lambda d: d["network_def"].update(hook="os.system"),
    "channels 1024": lambda d: d["autoencoder_def"].update(channels=[8, 10**12]),
    "levels": lambda d: d["autoencoder_def"].update(channels=[8] * 60),
    "spatial_dims": lambda d: d.update(spatial_dims=10**6),
    "res_blocks": lambda d: d["network_def"].update(num_res_blocks=10**9),
    "parameters": lambda d: d.update(latent_shape=[2, 64, 64]) or d["network_def"].update(
        channels=[1024] * 6, num_res_blocks=4, attention_levels=[True] * 6, num_head_channels=1024,
        transformer_num_layers=4,
    ),
    "grid": lambda d: d.update(latent_shape=[2, 4000, 4000]),
    "latent_shape 2 channels": lambda d: d.update(latent_shape=[3, 8, 12]),
    "latent_shape whole": lambda d: d.update(latent_shape=[2, -8, 12]),
    "norm_eps": lambda d: d["autoencoder_def"].update(norm_eps=1e-3),
    "use_combined_linear": lambda d: d["network_def"].update(use_combined_linear=True),
    "num_class_embeds": lambda d: d["network_def"].update(num_class_embeds=128),
    "in_channels": lambda d: d["network_def"].update(in_channels=9),
    "with_conditioning": lambda d: d.pop("conditioning"),
    "cross_attention_dim": lambda d: d["network_def"].update(cross_attention_dim=4),
    "age 0 to 1": lambda d: d.update(age=63),
}  # fmt: skip


@pytest.mark.parametrize("words", EDITS)
def test_what_is_not_on_the_list_is_refused_by_name(bundle: Path, canary: Path, words: str) -> None:
    change(bundle, EDITS[words])
    message = refusal(bundle, canary)
    for word in words.replace("latent_shape circle row", "circle").replace("'%", "%").split():
        assert word.strip("'") in message


@pytest.mark.parametrize(("edit", "says"), [
    (lambda d: d["autoencoder_data_format"]["outputs"]["pred"].update(value_range=[0, 255]), "value_range"),
    (lambda d: d.update(image_classes=["4x4x4 mm"]), "--spacing"),
    (lambda d: d.update(image_classes="T1 of 1x1x3 mm"), "--spacing"),
    (lambda d: d.update(name={"a": 1}), "name"),
])  # fmt: skip
def test_metadata_of_no_use_are_refused(
    bundle: Path, canary: Path, edit: Callable[[Json], Any], says: str
) -> None:
    change(bundle, edit, "metadata")
    assert says in refusal(bundle, canary)


@pytest.mark.parametrize("file", ["inference", "metadata"])
@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", "[" * 100_000, '{"a": NaN}', '{"a": 1, "a": 2}', '{"a":' * 40 + "1" + "}" * 40],
)
def test_what_is_no_plain_json_object_is_refused(bundle: Path, canary: Path, file: str, text: str) -> None:
    (bundle / "configs" / f"{file}.json").write_text(text)
    if (file, text) != ("metadata", ""):
        assert f"configs/{file}.json" in refusal(bundle, canary)
    else:
        refusal(bundle, canary)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from(["$1", "@a", "@b", "@b::0", "%a", "@a#b"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from("abc"), json_values, max_size=3))
def test_any_table_gives_literals_or_a_refusal(document: Json) -> None:
    config = Config.parse("x.json", json.dumps(document).encode())
    for key, value in document.items():
        try:
            found = config.literal(key, value)
        except BundleRefused:
            continue
        for item in found if isinstance(found, list) else [found]:
            assert item is None or isinstance(item, str | int | float | bool)
            assert not isinstance(item, str) or item[:1] not in ("$", "@", "%")
