"""Every metric has a truth table, and its values are those of the table."""

from __future__ import annotations

import importlib
import importlib.util
import math

import pytest

from medsynth_desktop.similarity import METRICS
from tests.similarity.truths import Truth


def table(key: str) -> list[Truth]:
    """The truths of a metric; [] where it has none."""
    name = f"tests.similarity.truths.{key}"
    return importlib.import_module(name).TRUTHS if importlib.util.find_spec(name) else []


ROWS = [
    pytest.param(key, truth, id=f"{key}: {truth.words}") for key in METRICS.keys() for truth in table(key)
]


@pytest.mark.parametrize("key", METRICS.keys())
def test_every_metric_has_a_truth_table(key: str) -> None:
    assert len(table(key)) >= 3, (
        f"The metric {key!r} has no truth table: write tests/similarity/truths/{key}.py with a list TRUTHS of at least "
        "three rows that can be checked by hand (see tests/similarity/truths/correlation.py)."
    )


@pytest.mark.parametrize(("key", "truth"), ROWS)
def test_the_value_is_the_truth(key: str, truth: Truth) -> None:
    value = METRICS[key](truth.measure())
    if math.isnan(truth.low):
        assert math.isnan(value)
    else:
        assert truth.low <= value <= truth.high, f"{truth.words}: {value}"
