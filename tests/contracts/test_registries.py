"""What follows from adding one file: a unique key, sane facts, independence from its siblings, a row in the docs."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.records import Nearest, Neighbour
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.formats import FORMATS
from medsynth_desktop.formats.base import Format, film_affine
from medsynth_desktop.samplers import SAMPLERS
from medsynth_desktop.samplers.base import Sampler
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.base import Metric
from tests.contracts.tracked import ROOT

KINDS = {"similarity": (METRICS, "METRIC"), "samplers": (SAMPLERS, "SAMPLER"), "formats": (FORMATS, "FORMAT")}


def siblings(room: str) -> dict[str, Path]:
    """Files of ``room`` that define its registered attribute, by module name."""
    attribute = KINDS[room][1]
    found = {}
    for path in sorted((ROOT / "medsynth_desktop" / room).glob("*.py")):
        body = ast.parse(path.read_text("utf-8")).body
        targets = [t for node in body if isinstance(node, ast.Assign) for t in node.targets]
        targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
        if any(isinstance(t, ast.Name) and t.id == attribute for t in targets):
            found[path.stem] = path
    return found


@pytest.mark.parametrize("room", KINDS)
def test_every_file_is_registered_under_its_own_key(room: str) -> None:
    registry = KINDS[room][0]
    assert len(siblings(room)) == len(registry) == len(set(registry.keys())) > 0


@pytest.mark.parametrize("room", KINDS)
def test_siblings_are_independent(room: str) -> None:
    files = siblings(room)
    for name, path in files.items():
        imported = {
            node.module
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module
        }
        others = {f"medsynth_desktop.{room}.{other}" for other in files if other != name}
        assert not imported & others, f"{path.name} imports a sibling"


@pytest.mark.parametrize("room", KINDS)
def test_every_thing_has_a_row_in_the_docs(room: str) -> None:
    text = (ROOT / "docs" / "reference.md").read_text("utf-8")
    missing = [key for key in KINDS[room][0].keys() if f"| `{key}` |" not in text]
    assert not missing, "run: python docs/make_reference.py"


NEAREST = Nearest(
    "query",
    (Neighbour("P-0001-1", "P-0001", 0.2, 0.8), Neighbour("P-0002-1", "P-0002", 0.4, 0.6)),
    0.75,
    {m.key: sum(m.range) / 2 for m in METRICS if m.optional},
)


@pytest.mark.parametrize("metric", list(METRICS), ids=lambda m: m.key)
def test_metric_is_whole(metric: Metric) -> None:
    low, high = metric.range
    assert metric.label
    assert metric.direction in ("high", "low")
    assert math.isfinite(low)
    assert low < high < math.inf
    assert low <= metric(NEAREST) <= high
    risky, safe = (high, low) if metric.direction == "high" else (low, high)
    middle = (low + high) / 2
    assert metric.beyond(risky, middle)
    assert not metric.beyond(safe, middle)
    assert not metric.beyond(math.nan, middle)
    assert metric.format(middle).split()[0].replace("-", "").replace(".", "").isdigit()


@pytest.mark.parametrize("sampler", list(SAMPLERS), ids=lambda s: s.key)
def test_sampler_is_whole(sampler: Sampler) -> None:
    assert sampler.label
    assert 1 <= sampler.default_steps <= 1000
    assert (sampler.steps.__doc__ or "").strip()


@pytest.mark.parametrize("format_", list(FORMATS), ids=lambda f: f.key)
def test_format_is_whole(format_: Format) -> None:
    assert format_.label
    assert all(s.startswith(".") and s == s.lower() for s in format_.suffixes)
    assert not format_.sniff(b"")
    assert format_.claims(Path("IMAGE" + format_.suffixes[0].upper()))


@pytest.mark.parametrize("format_", [f for f in FORMATS if f.write], ids=lambda f: f.key)
def test_format_reads_what_it_writes(format_: Format, tmp_path: Path) -> None:
    assert format_.write is not None
    numbers = np.arange(5 * 6, dtype=np.uint8).reshape(5, 6, 1)
    path = tmp_path / f"image{format_.suffixes[0]}"
    format_.write(Volume(numbers, film_affine((1, 1, 1))), path)
    np.testing.assert_array_equal(format_.read(path).array, numbers)
