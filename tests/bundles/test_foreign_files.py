"""Files of a stranger's MONAI bundle: links, programs, giants, pickles and weights that are not what they claim."""

from __future__ import annotations

import io
import json
import os
import pickle
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.bundles.stranger import BOMB, Bomb, refusal


@pytest.mark.parametrize(
    "name", ["configs/inference.json", "configs/metadata.json", "models/model.pt", "LICENSE"]
)
def test_a_giant_file_is_refused_unread(bundle: Path, canary: Path, name: str) -> None:
    with (bundle / name).open("r+b") as stream:
        stream.truncate(1 << 40)
    started = time.monotonic()
    assert "at most" in refusal(bundle, canary)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    "name", ["configs/inference.json", "models/model.pt", "LICENSE", "configs", "models"]
)
def test_links_are_not_followed(bundle: Path, canary: Path, whole: Path, name: str) -> None:
    (bundle / name).rename(bundle.parent / "moved")
    (bundle / name).symlink_to(whole / name)
    assert "link" in refusal(bundle, canary)


def test_a_pipe_does_not_block(bundle: Path, canary: Path) -> None:
    (bundle / "models" / "model.pt").unlink()
    os.mkfifo(bundle / "models" / "model.pt")
    assert "models/model.pt" in refusal(bundle, canary)


@pytest.mark.parametrize(
    "name", ["setup.py", "models/model.so", "models/a.pkl", "configs/run.SH", "sitecustomize.py"]
)
def test_programs_beside_what_is_read_are_refused(bundle: Path, canary: Path, name: str) -> None:
    (bundle / name).write_text(BOMB.format(canary=canary))
    assert name in refusal(bundle, canary)


def test_yaml_is_not_read(bundle: Path, canary: Path) -> None:
    (bundle / "configs" / "inference.json").rename(bundle / "configs" / "inference.yaml")
    assert "YAML" in refusal(bundle, canary)


def state(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(bundle / "models" / "model.pt", weights_only=True)
    return found


@pytest.mark.parametrize("save", ["pickle", "torch", "old torch", "inside"])
def test_a_pickle_that_runs_is_refused_and_does_not(bundle: Path, canary: Path, save: str) -> None:
    path = bundle / "models" / "model.pt"
    if save == "pickle":
        path.write_bytes(pickle.dumps(Bomb(canary)))
    else:
        content: Any = (
            {**state(bundle), "conv_in.conv.bias": Bomb(canary)} if save == "inside" else Bomb(canary)
        )
        torch.save(content, path, _use_new_zipfile_serialization=save != "old torch")
    message = refusal(bundle, canary)
    assert "models/model.pt" in message
    assert "safetensors" in message


def giant(real: torch.Tensor) -> torch.Tensor:
    return torch.zeros(1).expand(1 << 20, 1 << 20)


TENSORS: dict[str, Callable[[torch.Tensor], Any]] = {
    "shape [8]": lambda real: torch.zeros(3),
    "shape": giant,
    "conv_in.conv.bias must": lambda real: real.long(),
    "not finite": lambda real: torch.full_like(real, torch.nan),
    "no finite numbers": lambda real: torch.full_like(real, 1e300, dtype=torch.float64),
    "plain tensor": lambda real: real.to_sparse(),
    "no plain tensor": lambda real: real.to("meta"),
    "no plain": lambda real: 3.0,
    "plain tensor on": lambda real: torch.quantize_per_tensor(real, 0.1, 0, torch.qint8),
    "plain tensor on the": lambda real: {"deep": [real]},
    "complex64": lambda real: real.to(torch.complex64),
}


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize("words", TENSORS)
def test_weights_that_are_not_what_the_architecture_needs_are_refused(
    bundle: Path, canary: Path, words: str
) -> None:
    weights = state(bundle)
    weights["conv_in.conv.bias"] = TENSORS[words](weights["conv_in.conv.bias"])
    torch.save(weights, bundle / "models" / "model.pt")
    message = refusal(bundle, canary)
    assert all(word in message for word in words.replace("no finite numbers", "finite").split())


def test_missing_and_superfluous_weights_are_refused(bundle: Path, canary: Path) -> None:
    weights = state(bundle)
    torch.save({**weights, "extra": torch.zeros(1)}, bundle / "models" / "model.pt")
    assert "'extra'" in refusal(bundle, canary)
    weights.pop("conv_in.conv.bias")
    torch.save(weights, bundle / "models" / "model.pt")
    assert "lacks the weights 'conv_in.conv.bias'" in refusal(bundle, canary)


def repack(path: Path, edit: Callable[[str, bytes], bytes], kind: int = zipfile.ZIP_STORED) -> None:
    """Write the archive anew, each record through ``edit``."""
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w", kind) as target:
        for record in source.infolist():
            target.writestr(record.filename, edit(record.filename, source.read(record)))


def test_an_archive_that_unfolds_is_refused(bundle: Path, canary: Path) -> None:
    path = bundle / "models" / "model.pt"
    repack(
        path,
        lambda name, data: data + bytes(1 << 24) if name.endswith("/data/0") else data,
        zipfile.ZIP_DEFLATED,
    )
    assert "unfold" in refusal(bundle, canary)


def test_a_tensor_larger_than_its_record_is_not_read_beyond_it(bundle: Path, canary: Path) -> None:
    path = bundle / "models" / "model.pt"
    torch.save({"w": torch.arange(4.0)}, path)
    repack(path, lambda name, data: data.replace(b"cpuq\x06K\x04", b"cpuq\x06J\x00\x00\x10\x00"))
    assert "models/model.pt cannot be read" in refusal(bundle, canary)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x03\x04" + bytes(100), b"\x80\x02}q\x00."])
def test_what_is_no_archive_is_refused(bundle: Path, canary: Path, content: bytes) -> None:
    (bundle / "models" / "model.pt").write_bytes(content)
    assert "models/model.pt" in refusal(bundle, canary)


def test_safetensors_that_lie_are_refused(bundle: Path, canary: Path) -> None:
    (bundle / "models" / "model.pt").unlink()
    text = json.dumps({"a": {"dtype": "F32", "shape": [1 << 60], "data_offsets": [0, 1 << 62]}}).encode()
    (bundle / "models" / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    assert "models/model.safetensors" in refusal(bundle, canary)
