"""The tiny bundle, and one of MONAI, each made once and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.bundles.tiny import make, quantised_facts
from tests.bundles.zoo import make_zoo


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole bundle; not to be changed."""
    path = tmp_path_factory.mktemp("bundles") / "tiny"
    make(path)
    return path


@pytest.fixture(scope="session")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole bundle whose autoencoder has a codebook; not to be changed."""
    path = tmp_path_factory.mktemp("bundles") / "quantised"
    make(path, about=quantised_facts())
    return path


@pytest.fixture
def coded(quantised: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(quantised, tmp_path / "coded"))


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(original, tmp_path / "copy"))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that is taken; not to be changed."""
    return make_zoo(tmp_path_factory.mktemp("zoo") / "zoo", 2, conditioned=True).path


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """What everything malicious in here would create."""
    return tmp_path / "canary"
