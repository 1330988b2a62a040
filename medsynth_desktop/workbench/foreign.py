"""Models of either kind as bundles of our own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medsynth_desktop.core.errors import InputRefused

if TYPE_CHECKING:
    from medsynth_desktop.bundles.foreign import Asked


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says of a MONAI bundle, as it was typed; None: nothing. ``grid`` is such as ``160,224,160``."""

    grid: str | None = None
    spacing: float | None = None
    values: str | None = None
    latent_scale: float | None = None

    def asked(self) -> Asked:
        """Return it as the import takes it.

        Raises
        ------
        InputRefused
            A grid that is not whole numbers.
        """
        from medsynth_desktop.bundles.foreign import Asked

        try:
            parts = self.grid.replace("x", ",").split(",") if self.grid else None
            grid = tuple(int(part) for part in parts) if parts else None
        except ValueError:
            raise InputRefused(
                f"A grid is whole numbers such as 160,224,160; got {(self.grid or '')[:40]!r}."
            ) from None
        values = self.values.replace(" ", "") if self.values else None
        return Asked(grid, self.spacing, values, self.latent_scale)


def comes_from_elsewhere(path: Path) -> bool:
    """Whether ``path`` looks like a MONAI bundle."""
    from medsynth_desktop.bundles.foreign import is_foreign

    return is_foreign(path)


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
