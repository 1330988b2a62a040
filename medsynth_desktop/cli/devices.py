"""The option that names where to compute."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from medsynth_desktop.cli.console import say


def tell_of_device(name: str | None) -> str | None:
    """Say so where a device that was asked for by name is not there, and the processor works instead.

    Raises
    ------
    InputRefused
        When it is no device's name.
    """
    if name not in (None, "auto", "cpu"):
        from medsynth_desktop.samplers.sampling import pick_device  # reads torch

        if note := pick_device(name)[1]:
            say(f"medsynth: {note}")
    return name


Device = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--device", help="cuda, mps or cpu; default the best.", callback=tell_of_device),
]
