"""Pages for a person, written to a file that stays whole."""

from __future__ import annotations

import os
from pathlib import Path

from medsynth_desktop.core.errors import StoreFailed


def write_page(path: Path, text: str) -> None:
    """Write ``text`` to ``path``.

    Raises
    ------
    StoreFailed
        When the file cannot be written; a former one stays whole.
    """
    part = path.with_name(f".{path.name}-{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreFailed(f"The report {path.name} cannot be written: {error.strerror}.") from None
