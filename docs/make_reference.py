"""Write docs/reference.md from the registries: run it after adding a format, a sampler or a metric."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from medsynth_desktop.formats import FORMATS
from medsynth_desktop.samplers import SAMPLERS
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.training.presets import PRESETS

HERE = Path(__file__).resolve().parent


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def formats() -> str:
    """Table of file formats."""
    return table(
        ("key", "format", "file names", "read", "written"),
        (
            (f"`{f.key}`", f.label, " ".join(f"`{s}`" for s in f.suffixes), "yes",
             "yes" if f.write else "with a release" if f.key == "dicom" else "no")
            for f in FORMATS
        ),
    )  # fmt: skip


def samplers() -> str:
    """Table of samplers; the source is the first line of the module that defines the steps."""
    return table(
        ("key", "sampler", "steps by default", "source"),
        (
            (
                f"`{s.key}`",
                s.label,
                str(s.default_steps),
                (sys.modules[s.steps.__module__].__doc__ or "").strip().splitlines()[0],
            )
            for s in SAMPLERS
        ),
    )


def metrics() -> str:
    """Table of the guard's metrics."""
    return table(
        ("key", "metric", "unit", "range", "risky side", "meaning"),
        (
            (
                f"`{m.key}`",
                m.label,
                m.unit or "none",
                f"{m.range[0]:g} to {m.range[1]:g}",
                m.direction,
                m.description,
            )
            for m in METRICS
        ),
    )


def presets() -> str:
    """Table of the training presets."""
    return table(
        ("key", "for", "autoencoder", "diffusion"),
        (
            (f"`{p.key}`", p.about, f"{p.autoencoder.steps} steps", f"{p.diffusion.steps} steps")
            for p in PRESETS.values()
        ),
    )


def page() -> str:
    """Return the whole page."""
    return f"""# Formats, samplers, metrics, presets

Written by `docs/make_reference.py` from what is registered; how to add one is in [extending.md](extending.md).

## File formats

{formats()}

## Samplers

{samplers()}

## Metrics of the guard

{metrics()}

## Presets of training

{presets()}
"""


if __name__ == "__main__":
    (HERE / "reference.md").write_text(page(), encoding="utf-8")
