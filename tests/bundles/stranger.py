"""What the tests of strangers' bundles share: damage done to one, a pickle that runs, and the sentence it ends in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medsynth_desktop.bundles.foreign import Asked, convert_bundle
from medsynth_desktop.core.errors import BundleRefused

Json = dict[str, Any]
BOMB = "__import__('pathlib').Path('{canary}').touch()"


def refusal(folder: Path, canary: Path) -> str:
    """The one sentence; nothing ran and nothing was written."""
    with pytest.raises(BundleRefused) as caught:
        convert_bundle(folder, folder.parent / "own", Asked())
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    assert str(folder) not in message
    assert not canary.exists()
    assert not (folder.parent / "own").exists()
    return message


def change(folder: Path, edit: Callable[[Json], Any], file: str = "inference") -> None:
    path = folder / "configs" / f"{file}.json"
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


class Bomb:
    """A pickle of this touches a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (open, (str(self.path), "w"))
