"""What the documents promise: links lead somewhere, examples run, commands and options exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from medsynth_desktop.cli.main import app
from medsynth_desktop.core.records import Nearest, Neighbour
from medsynth_desktop.core.registry import Registry
from tests.contracts.tracked import ROOT, name_of, tracked_files

PAGES = [p for p in tracked_files(".md") if p.parent in (ROOT, ROOT / "docs", ROOT / "docs" / "decisions")]
SHARED_OPTIONS = {"--json", "--workspace", "--help"}


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of one language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", text) + re.findall(r'src="([^"]+)"', text)
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


def test_readme_has_everything_a_newcomer_needs() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for needed in (
        "bash installer/run.sh",
        "bash installer/test.sh",
        "docs/quickstart.md",
        "Apache-2.0",
        "CC BY-SA",
    ):
        assert needed in text


COMMANDS = sorted(
    {
        words
        for page in PAGES
        for block in blocks(page, "bash")
        for line in block.splitlines()
        if (words := re.sub(r"^\.venv/bin/", "", line.strip())).startswith("medsynth ")
    }
)


@pytest.mark.parametrize("line", COMMANDS)
def test_documented_command_exists(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not getattr(command, "commands", {}), f"{line!r} names no command"
    known = {option for parameter in command.params for option in parameter.opts} | SHARED_OPTIONS
    assert {w.partition("=")[0] for w in words if re.match(r"--?[a-z]", w)} <= known


def example(number: int) -> dict[str, Any]:
    """What the numbered Python block of docs/extending.md defines."""
    defined: dict[str, Any] = {"__name__": "example"}
    exec(compile(blocks(ROOT / "docs" / "extending.md", "python")[number], "extending.md", "exec"), defined)
    return defined


def test_example_metric_works() -> None:
    metric = example(0)["METRIC"]
    neighbours = (Neighbour("P-0001-1", "P-0001", 0.1, 0.9), Neighbour("P-0002-1", "P-0002", 0.2, 0.7))
    assert metric(Nearest("query", neighbours, 7 / 9)) == pytest.approx(0.2)
    registry: Registry[Any] = Registry("medsynth_desktop.similarity", "METRIC")
    registry.register(metric)
    assert registry["gap"] is metric


def test_example_sampler_finds_the_mean_of_a_point() -> None:
    import torch

    sampler = example(1)["SAMPLER"]
    point = torch.full((1, 1, 4, 4), 0.3)
    states = list(
        sampler.steps(lambda x, sigma: point, torch.randn(1, 1, 4, 4), [10.0, 5.0, 1.0, 0.0], point.clone)
    )
    assert [s.i for s in states] == [1, 2, 3]
    torch.testing.assert_close(states[-1].x, point)
