"""From a volume to a file, by the suffix of its name."""

from __future__ import annotations

from pathlib import Path

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats import FORMATS


def write_volume(volume: Volume, path: Path) -> None:
    """Write ``volume`` to ``path``: .nii, .nii.gz, .npy, .png (one picture) or .tif.

    Raises
    ------
    InputRefused
        A suffix that no format writes, or a disk that does not take the file.
    """
    path = Path(path)
    for known in FORMATS:
        if known.write is not None and known.claims(path):
            try:
                known.write(volume, path)
            except OSError as error:
                raise InputRefused(
                    f"{path.name} cannot be written ({error.strerror or 'write failed'}); "
                    "choose another folder."
                ) from error
            return
    writable = ", ".join(s for f in FORMATS if f.write for s in f.suffixes)
    raise InputRefused(f"No format writes {path.suffix or path.name!r} files; use one of {writable}.")
