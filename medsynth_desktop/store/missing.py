"""What is said of a name that the workspace does not hold: which ones it does."""

from __future__ import annotations

from collections.abc import Iterable

from medsynth_desktop.core.errors import NotFound

MOST_NAMED = 8
"""Names in one message: what a person takes in at a glance."""
LONGEST = 60
"""Characters of a name as it was asked for."""


def not_found(what: str, asked: str, held: Iterable[str], otherwise: str) -> NotFound:
    """The error that names what there is instead.

    Parameters
    ----------
    what
        Its kind in one word: ``batch``.
    asked
        The name that is not there.
    held
        Those that are; those that begin as ``asked`` does are named first.
    otherwise
        What to do where there is none at all, after a semicolon.
    """
    names = sorted(dict.fromkeys(held), key=lambda name: not name.startswith(asked))
    if not names:
        return NotFound(
            f"There is no {what} {asked[:LONGEST]!r}, nor any other in this workspace; {otherwise}."
        )
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    told = ", ".join(names[:MOST_NAMED])
    return NotFound(f"There is no {what} {asked[:LONGEST]!r}; this workspace has: {told}{more}.")
