"""A bundle comes from a stranger: every way to harm with one ends in one sentence, and nothing runs."""

from __future__ import annotations

import json
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from medsynth_desktop.bundles import read_bundle
from medsynth_desktop.bundles.schema import parse_facts
from medsynth_desktop.core.errors import BundleRefused

Json = dict[str, Any]


CONDITION = {"name": "age", "classes": [], "low": 20, "high": 90}


class Bomb:
    """A pickle of this creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (open, (str(self.path), "w"))


def refusal(folder: Path) -> str:
    with pytest.raises(BundleRefused) as caught:
        read_bundle(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) not in message  # no path of this machine
    return message


def told(read: Callable[[], Any]) -> str:
    """The refusal's sentence, or "" when all was taken; any other error passes through and fails the test."""
    try:
        read()
    except BundleRefused as refused:
        return str(refused)
    return ""


def change(folder: Path, edit: Callable[[Json], Any]) -> None:
    path = folder / "bundle.json"
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "name", ["model.pt", "a.ckpt", "pytorch_model.bin", "x.PKL", "setup.py", "a.npy", "m.pth"]
)
def test_files_that_can_run_code_are_refused_unread(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    assert "run code" in refusal(folder)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("name", ["bundle.json", "autoencoder.safetensors", "diffusion.safetensors"])
def test_a_pickle_under_a_good_name_is_not_loaded(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    refusal(folder)
    assert not (tmp_path / "exploded").exists()


def test_other_files_and_folders_are_refused(folder: Path) -> None:
    (folder / "notes").mkdir()
    assert "no bundle has" in refusal(folder)


@pytest.mark.parametrize("name", ["bundle.json", "autoencoder.safetensors", "diffusion.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert name in refusal(folder)


def test_links_are_not_followed(folder: Path, original: Path) -> None:
    (folder / "diffusion.safetensors").unlink()
    (folder / "diffusion.safetensors").symlink_to(original / "diffusion.safetensors")
    assert "plain file" in refusal(folder)


def test_a_pipe_does_not_block(folder: Path) -> None:
    (folder / "README.md").unlink()
    os.mkfifo(folder / "README.md")
    assert "plain file" in refusal(folder)


@pytest.mark.parametrize("path", ["absent", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    assert "folder" in refusal(tmp_path / path)


EDITS: dict[str, Callable[[Json], Any]] = {
    "lacks": lambda d: d.pop("schedule"),
    "holds": lambda d: d.update(_target_="os.system"),
    "recipe holds": lambda d: d["recipe"].update({"$import": "os"}),
    "version": lambda d: d.update(version=2),
    "format": lambda d: d.update(format="monai"),
    "name must": lambda d: d.update(name="../../etc/passwd"),
    "cohort_hash": lambda d: d.update(cohort_hash="g" * 64),
    "latent_scale": lambda d: d.update(latent_scale=0),
    "conditions": lambda d: d.update(conditions="age"),
    "a condition": lambda d: d.update(conditions=["age"]),
    "conditions must be those that the bundle names": lambda d: d.update(conditions=[CONDITION]),
    "a condition's name": lambda d: d.update(conditions=[{**CONDITION, "name": "../age"}]),
    "a class": lambda d: d.update(conditions=[{**CONDITION, "classes": [["a"]]}]),
    "classes that differ": lambda d: d.update(conditions=[{**CONDITION, "classes": ["a", "a"]}]),
    "low below its high": lambda d: d.update(conditions=[{**CONDITION, "high": 20}]),
    "condition low": lambda d: d.update(conditions=[{**CONDITION, "low": True}]),
    "lacks 'high'": lambda d: d.update(conditions=[{k: v for k, v in CONDITION.items() if k != "high"}]),
    "its own name": lambda d: d.update(conditions=[CONDITION, CONDITION]),
    "at most 16": lambda d: d.update(conditions=[{**CONDITION, "name": f"c{i}"} for i in range(17)]),
    "number of conditions": lambda d: d["unet"].update(conditions=[2] * 17),
    "condition_width": lambda d: d["unet"].update(condition_width=1 << 20),
    "autoencoder": lambda d: d["autoencoder"].update(channels=[8, 10**12]),
    "unet": lambda d: d["unet"].update(res_blocks=[1, 10**9]),
    "unet must be": lambda d: d.update(unet="$import os"),
    "schedule": lambda d: d["schedule"].update(steps=10**9),
    "grid": lambda d: d["recipe"].update(grid=[1024, 1024, 1024]),
    "grid must": lambda d: d["recipe"].update(grid=[-16, 16, 16]),
    "2 or 3 axes": lambda d: d["recipe"].update(grid=16),
    "divide": lambda d: d["recipe"].update(grid=[17, 24, 32]),
    "2D or all 3D": lambda d: d["recipe"].update(grid=[16, 24]),
    "equal latent_channels": lambda d: d["unet"].update(latent_channels=3),
    "low must": lambda d: d["recipe"].update(low=5, high=5),
    "short list": lambda d: d["unet"].update(channels=[[16], 32]),
    "recipe must": lambda d: d["recipe"].update(modality="MR\n;rm"),
}


@pytest.mark.parametrize("words", EDITS)
def test_wrong_facts_are_refused_by_name(folder: Path, words: str) -> None:
    change(folder, EDITS[words])
    message = refusal(folder)
    assert words.split()[0] in message
    assert all(word in message for word in words.split())


CODED_EDITS: dict[str, Callable[[Json], Any]] = {
    "kind": lambda d: d["autoencoder"].update(kind="vq"),
    "unet: kind": lambda d: d["unet"].update(kind="factorized"),
    "unet lacks": lambda d: d["unet"].update(kind="factorised") or d["unet"].pop("channels"),
    "unet holds 'fold'": lambda d: d["unet"].update(kind="factorised"),
    "kind one": lambda d: d["autoencoder"].update(kind=["quantised"]),
    "kind of": lambda d: d["autoencoder"].update(kind={"$import": "os"}),
    "lacks 'norm_groups'": lambda d: d["autoencoder"].update(kind="kl"),
    "lacks": lambda d: d["autoencoder"].pop("kind"),
    "autoencoder lacks 'codes'": lambda d: d["autoencoder"].pop("codes"),
    "codes must": lambda d: d["autoencoder"].update(codes=10**12),
    "codes whole": lambda d: d["autoencoder"].update(codes=32.0),
    "codes from": lambda d: d["autoencoder"].update(codes=1),
    "strides must": lambda d: d["autoencoder"].update(strides=[1, 10**9]),
    "strides needs": lambda d: d["autoencoder"].update(strides=[2]),
    "strides from": lambda d: d["autoencoder"].update(strides=[0, 2]),
    "channels must": lambda d: d["autoencoder"].update(channels=[8, 10**12]),
    "res_blocks must": lambda d: d["autoencoder"].update(res_layers=10**9),
    "latent_channels must": lambda d: d["autoencoder"].update(latent_channels=10**9),
    "fold must": lambda d: d["autoencoder"].update(fold=-1),
    "autoencoder holds 'act'": lambda d: d["autoencoder"].update(act="os.system"),
    "equal latent_channels": lambda d: d["autoencoder"].update(latent_channels=3),
    "divide": lambda d: d["autoencoder"].update(strides=[2, 2], fold=4),
}


@pytest.mark.parametrize("words", CODED_EDITS)
def test_wrong_facts_of_a_codebook_are_refused_by_name(coded: Path, words: str) -> None:
    change(coded, CODED_EDITS[words])
    message = refusal(coded)
    assert all(word in message for word in words.split())


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "[" * 100_000, '{"a": NaN}', '{"name": 1, "name": 2}', "\udcff", "1e999"]
)
def test_what_is_no_json_object_is_refused(folder: Path, text: str) -> None:
    (folder / "bundle.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    refusal(folder)


def test_a_huge_facts_file_is_refused_unread(folder: Path) -> None:
    with (folder / "bundle.json").open("wb") as stream:
        stream.truncate(1 << 40)
    assert "at most" in refusal(folder)


def test_a_huge_weights_file_is_refused_unread(folder: Path) -> None:
    with (folder / "diffusion.safetensors").open("r+b") as stream:
        stream.truncate(1 << 40)
    started = time.monotonic()
    assert "at most" in refusal(folder)
    assert time.monotonic() - started < 60  # reading a tebibyte would take longer than any test run


def weights(folder: Path, edit: Callable[[dict[str, np.ndarray]], Any]) -> str:
    path = folder / "diffusion.safetensors"
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path)
    return refusal(folder)


def test_weights_that_do_not_fit_are_refused(folder: Path) -> None:
    assert "shape" in weights(folder, lambda t: t.update({"conv_in.conv.bias": np.zeros(3, np.float16)}))


def test_missing_and_superfluous_weights_are_refused(folder: Path) -> None:
    assert "lacks" in weights(folder, lambda t: t.pop("conv_in.conv.bias"))
    more = {"extra": np.zeros(1, np.float16), "conv_in.conv.bias": np.zeros(16, np.float16)}
    assert "has not" in weights(folder, lambda t: t.update(more))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(folder: Path, value: float) -> None:
    assert "not finite" in weights(folder, lambda t: t["conv_in.conv.bias"].fill(value))


@pytest.mark.parametrize("dtype", [np.int16, np.float64])
def test_weights_of_another_type_are_refused(folder: Path, dtype: type) -> None:
    assert "must be F16" in weights(folder, lambda t: t.update({"conv_in.conv.bias": np.zeros(16, dtype)}))


def header(claimed: Json) -> bytes:
    text = json.dumps(claimed).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        (1 << 62).to_bytes(8, "little") + b"{}",
        header({"a": {"dtype": "F32", "shape": [1 << 60], "data_offsets": [0, 1 << 62]}}),
        header({"a": {"dtype": "F32", "shape": [1]}}),
        header({"a": 1}),
        header([]),  # type: ignore[arg-type]
    ],
)
def test_lying_headers_allocate_nothing(folder: Path, data: bytes) -> None:
    (folder / "diffusion.safetensors").write_bytes(data)
    refusal(folder)


def test_a_codebook_of_another_size_is_refused(coded: Path) -> None:
    path = coded / "autoencoder.safetensors"
    tensors = load_file(path)
    tensors["codebook.codes"] = np.zeros((64, 2), np.float16)
    save_file(tensors, path)
    assert "codebook.codes must be" in refusal(coded)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=8), v, max_size=4)
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=values)
def test_any_value_anywhere_is_taken_or_refused_in_a_sentence(
    original: Path, quantised: Path, data: st.DataObject, value: Any
) -> None:
    path = data.draw(st.sampled_from([original, quantised]))
    document = json.loads((path / "bundle.json").read_text())
    place = document
    key = data.draw(st.sampled_from(sorted(document)))
    if isinstance(document[key], dict) and document[key] and data.draw(st.booleans()):
        place = document[key]
        key = data.draw(st.sampled_from(sorted(place)))
    place[key] = value
    assert "\n" not in told(lambda: parse_facts(json.dumps(document).encode()))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["bundle.json", "autoencoder.safetensors"]))
def test_flipped_bytes_never_crash_the_reader(
    original: Path, folder: Path, data: st.DataObject, name: str
) -> None:
    content = bytearray((original / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content), 4000) - 1))] = data.draw(st.integers(0, 255))
    (folder / name).write_bytes(content[: data.draw(st.sampled_from([len(content), 100, 5000]))])
    assert "\n" not in told(lambda: read_bundle(folder))
