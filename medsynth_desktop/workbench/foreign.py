"""Models of either kind as bundles of our own, and what is said where nobody knows whom a model learnt from."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.store.workspace import Workspace

if TYPE_CHECKING:
    from medsynth_desktop.bundles.foreign import Asked


@contextmanager
def own_bundle(path: Path, asked: Asked | None = None, room: Path | None = None) -> Iterator[Path]:
    """Give the folder of ``path`` as a bundle of ours: itself, or a MONAI bundle converted, kept until the end.

    Parameters
    ----------
    path
        A bundle of ours or a MONAI bundle.
    asked
        What the user says of a MONAI bundle.
    room
        Folder with room for the converted weights; default that of temporary files.

    Raises
    ------
    BundleRefused
        As `bundles.foreign.convert_bundle`.
    InputRefused
        When something is said of a bundle that says it all itself.
    """
    from medsynth_desktop.bundles.foreign import Asked, convert_bundle, is_foreign

    asked = asked or Asked()
    if not is_foreign(path):
        if asked != Asked():
            raise InputRefused(
                "--grid, --spacing, --values and --latent-scale are for MONAI bundles; this one says them itself."
            )
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="importing-", dir=room) as folder:
        made = Path(folder) / "bundle"
        convert_bundle(path, made, asked)
        yield made


def unknown_training(workspace: Workspace, bundle_hash: str) -> str:
    """Return a caution where a model does not say whom it learnt from, else ""."""
    record = workspace.bundles.get(bundle_hash)
    if record.cohort_hash:
        return ""
    return (
        f"Nobody here knows whose images the model {record.name} was trained on: samples were compared with this "
        "cohort's patients only, and a copy of a patient of its training may pass unseen."
    )
