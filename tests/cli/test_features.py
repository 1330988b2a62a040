"""`medsynth features` and what `doctor` says of weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_desktop.similarity.features import vgg16_weights
from tests.cli.conftest import Cli


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg16_weights, "PACKAGES", {"no-such-package-at-all": "vgg.onnx"})


def test_what_there_is_and_what_it_lacks(home: Path, cli: Cli, no_weights: None) -> None:
    done = cli("features", "list", "--workspace", home / "workspace", "--json")
    assert done.code == 0, done.err
    found = {n["key"]: n for n in done.json["networks"]}
    assert done.json["network"] is None
    assert {"own", "vgg16"} <= set(found)
    assert not found["vgg16"]["available"]
    assert "--weights FILE" in found["vgg16"]["lacking"]
    assert "medsynth train identity" in found["own"]["lacking"]
    spoken = cli("features", "list", "--workspace", home / "workspace").out
    assert "vgg16: not available." in spoken


def test_what_cannot_be_used_is_refused_and_changes_nothing(
    home: Path, cli: Cli, no_weights: None, tmp_path: Path
) -> None:
    place = ("--workspace", home / "workspace")
    assert "none are ever downloaded" in cli("features", "use", "vgg16", *place).err
    assert "one of " in cli("features", "use", "resnet", *place).err
    text = tmp_path / "weights.onnx"
    text.write_text("no weights")
    done = cli("features", "use", "vgg16", "--weights", text, *place)
    assert (done.code, done.out) == (1, "")
    assert str(tmp_path) not in done.err
    assert cli("features", "list", *place, "--json").json["network"] is None
    assert cli("features", "off", *place, "--json").json["network"] is None
