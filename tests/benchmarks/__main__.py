"""Run every benchmark and write docs/benchmarks.md: ``python -m tests.benchmarks [NAME ...]``.

Each ``bench_*.py`` has ``run() -> dict``. A dictionary that holds ``seconds`` is one way of doing the thing and becomes
a row, and so does each way in a dictionary called ``seconds``; plain values beside them are facts of the comparison.
A module with ``page(document) -> list[str]`` writes its tables itself. Naming benchmarks renews only their parts of the
page.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Ours beside the naive or the peer's way, both in one run on one machine. Written by `python -m tests.benchmarks`;
`medsynth bench NAME` runs one of them.
"""
MEMORY = "peak_mib"
LONG = {"memorised", "disguises", "samplers", "steps", "private", "reader_studies"}
"""Take long, some because they train models first: run only when they are named."""


def main(names: list[str]) -> None:
    """Run the benchmarks called ``names`` (all but `LONG` without one) and renew their parts of the page."""
    known = sorted(p.stem.removeprefix("bench_") for p in FOLDER.glob("bench_*.py"))
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"No benchmark is called {', '.join(unknown)}; there are {', '.join(known)}.")
    parts = read_parts(PAGE.read_text("utf-8") if PAGE.exists() else "")
    for name in names or [n for n in known if n not in LONG]:
        sys.stderr.write(f"{name} ...\n")
        module = importlib.import_module(f"tests.benchmarks.bench_{name}")
        document, title = module.run(), (module.__doc__ or "").strip().splitlines()[0]
        own = module.page(document) if hasattr(module, "page") else None
        parts[name] = part(name, title, document, own)
        text = "\n".join([HEAD, *(parts[n] for n in known if n in parts)])
        PAGE.write_text(text, encoding="utf-8")


def read_parts(page: str) -> dict[str, str]:
    """Return the parts of an earlier page by benchmark."""
    found = re.split(r"(?m)^## (\w+)\n", page)[1:]
    return {name: f"## {name}\n{text.rstrip()}\n" for name, text in zip(found[::2], found[1::2], strict=True)}


def part(name: str, title: str, document: dict[str, Any], own: list[str] | None = None) -> str:
    """Return the part of the page for one benchmark: what, when, where, a table, facts; or its ``own`` lines."""
    text = [f"## {name}", "", title, "", f"{datetime.now(UTC):%Y-%m-%d}, {machine()}.", ""]
    if own is not None:
        return "\n".join([*text, *own])
    rows = list(ways(document))
    others = list(dict.fromkeys(key for _, way in rows for key in way if key not in ("seconds", MEMORY)))
    head = ["way", "seconds", "peak memory (MiB)", *(o.replace("_", " ") for o in others)]
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head))]
    for label, way in rows:
        cells = [label, *(shown(way.get(key)) for key in ("seconds", MEMORY, *others))]
        lines.append("| " + " | ".join(cells) + " |")
    facts = [f"{label}: {shown(value)}" for label, value in plain_facts(document)]
    text += [*lines, ""] if rows else []
    text += ["; ".join(facts) + ".", ""] if facts else []
    return "\n".join(text)


def ways(document: dict[str, Any], label: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every dictionary that holds ``seconds``, with the names that lead to it."""
    for key, value in document.items():
        if isinstance(value, dict):
            inside = f"{label}, {words(key)}" if label else words(key)
            if key == "seconds":
                yield from ((words(way), {"seconds": seconds}) for way, seconds in value.items())
            elif "seconds" in value:
                yield inside, value
            else:
                yield from ways(value, inside)


def plain_facts(document: dict[str, Any], label: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that stands beside ways, not inside one."""
    for key, value in document.items():
        inside = f"{label}, {words(key)}" if label else words(key)
        if not isinstance(value, dict):
            yield inside, value
        elif key != "seconds" and "seconds" not in value:
            yield from plain_facts(value, inside)


def words(key: str) -> str:
    """Key as words."""
    return key.replace("_", " ")


def shown(value: Any) -> str:
    """Value as a table cell."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    if isinstance(value, list | tuple):
        return (
            " x ".join(shown(v) for v in value)
            if all(isinstance(v, int) for v in value)
            else " to ".join(map(shown, value))
        )
    return json.dumps(value) if isinstance(value, dict) else str(value)


def machine() -> str:
    """Processor, cores and interpreter, without the name of the machine."""
    model = platform.processor() or platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        named = re.search(r"(?m)^model name\s*:\s*(.+)$", listing.read_text("utf-8", "replace"))
        model = named[1] if named else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main(sys.argv[1:])
