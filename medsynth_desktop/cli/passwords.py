"""Passwords for commands: from a file, a variable or the terminal, never from an argument that others could see."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from medsynth_desktop.core.errors import InputRefused

STUDY, READER = "MEDSYNTH_STUDY_PASSWORD", "MEDSYNTH_READER_PASSWORD"
"""Variables with the investigator's and with a reader's password."""


def password(whose: str, variable: str, file: Path | None, *, twice: bool = False) -> str:
    """Return a password: the first line of ``file``, else ``variable``, else asked for (``twice`` for a new one).

    Raises
    ------
    InputRefused
        When the file cannot be read, both differ, or there is nobody to ask.
    """
    if file is not None:
        try:
            return file.read_text("utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError):
            raise InputRefused(f"The password file {file.name} cannot be read. Check its name.") from None
    if given := os.environ.get(variable):
        return given
    if not sys.stdin.isatty():
        raise InputRefused(
            f"{whose} password is needed, and there is no terminal to ask for it; set {variable} or name a file that "
            "holds it."
        )
    from getpass import getpass

    first = getpass(f"{whose} password: ")
    if twice and getpass("Once more: ") != first:
        raise InputRefused("The two passwords differ. Run the command again.")
    return first
