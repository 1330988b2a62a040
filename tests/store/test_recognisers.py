"""Recognition networks of a cohort: whole or not at all, named by their content."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.store.workspace import Workspace

FACTS = {"shape": [1, 2]}


@pytest.fixture
def workspace(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Workspace.open(tmp_path) as opened:
        yield opened


def test_what_was_put_comes_back_for_its_cohort_alone(workspace: Workspace) -> None:
    shelf = workspace.recognisers
    assert shelf.get("cohort") is None
    name = shelf.put("cohort", FACTS, b"weights")
    assert shelf.get("cohort") == (name, FACTS, b"weights")
    assert shelf.name("cohort") == name
    assert shelf.get("the same cohort with one image more") is None


def test_new_networks_take_the_place_of_the_old(workspace: Workspace) -> None:
    shelf = workspace.recognisers
    first = shelf.put("cohort", FACTS, b"weights")
    assert shelf.put("cohort", FACTS, b"weights") == first
    second = shelf.put("cohort", FACTS, b"others")
    assert second != first
    assert sorted(p.name for p in (workspace.path / "recognisers").iterdir()) == [
        f"{second}.json",
        f"{second}.safetensors",
    ]


@pytest.mark.parametrize("end", [".json", ".safetensors"])
@pytest.mark.parametrize("data", [b"", b"weightz", None])
def test_a_changed_or_missing_file_is_refused(workspace: Workspace, end: str, data: bytes | None) -> None:
    name = workspace.recognisers.put("cohort", FACTS, b"weights")
    path = workspace.path / "recognisers" / f"{name}{end}"
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    with pytest.raises(StoreFailed, match="train them anew"):
        workspace.recognisers.get("cohort")
