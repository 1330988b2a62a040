"""What a MONAI bundle may be asked for: continuous conditions by the form that the model zoo gives them."""

from __future__ import annotations

import re

from medsynth_desktop.bundles.foreign.config import Config
from medsynth_desktop.core.records import Condition

FORM = re.compile(
    r"\$torch\.tensor\(\[\[(@[A-Za-z]\w{0,39}(?:, ?@[A-Za-z]\w{0,39}){0,15})\]\]\)(?:\.to\(@device\))?\.unsqueeze\(1\)"
)
"""The one expression that is understood, by its letters; it is not run. It names the conditions in their order."""


def plain_conditions(config: Config) -> tuple[tuple[Condition, ...], tuple[float, ...]]:
    """Return the conditions, numbers from 0 to 1, and what the bundle's own run takes for each.

    Raises
    ------
    BundleRefused
        When the file describes conditions in another way, or a value that is no number from 0 to 1.
    """
    form = config.document.get("conditioning")
    if form is None:
        return (), ()
    fits = FORM.fullmatch(form) if isinstance(form, str) else None
    if fits is None:
        raise config.refusal(
            "conditioning", "gives conditions in a way that is not known here, and nothing is run to find out"
        )
    names = [name.strip()[1:] for name in fits[1].split(",")]
    if len(set(names)) != len(names):
        raise config.refusal("conditioning", "names a condition twice")
    values = [config.number(name, f"@{name}") for name in names]
    for name, value in zip(names, values, strict=True):
        if not 0 <= value <= 1:
            raise config.refusal(name, f"must be a number from 0 to 1; got {str(value)[:20]}")
    return tuple(Condition(name, (), 0.0, 1.0) for name in names), tuple(map(float, values))
