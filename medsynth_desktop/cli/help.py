"""How help is laid out: summaries whole, and on every page what every command takes."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

EPILOG = (
    "Every command takes --workspace DIR (or MEDSYNTH_WORKSPACE) and --json (one JSON document on stdout)."
)
LONGEST = 300
"""Characters of a summary: none is cut."""


class Commands(TyperGroup):
    """A group of commands whose summaries are wrapped, where the parser's own would cut them to one line."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write name and summary of every command."""
        rows = [(n, c.get_short_help_str(LONGEST)) for n, c in self.commands.items() if not c.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def add_epilog(app: typer.Typer) -> None:
    """Put `EPILOG` on the help of ``app``, its groups and all their commands."""
    for command in app.registered_commands:
        command.epilog = EPILOG
    for group in app.registered_groups:
        group.epilog = EPILOG
        if group.typer_instance is not None:
            add_epilog(group.typer_instance)
