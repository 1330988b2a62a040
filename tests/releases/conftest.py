"""Packages to be tampered with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.releases.packages import KEY, packed


@pytest.fixture(scope="module", params=[KEY, None], ids=["signed", "unsigned"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("whole") / "release", request.param)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("signed") / "release", KEY)


@pytest.fixture
def package(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "release"))
