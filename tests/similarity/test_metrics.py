"""Each metric against a table that can be checked by hand."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Nearest, Neighbour
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.base import Metric, standing_out


def test_registry_finds_them() -> None:
    assert {"aligned", "part"} <= {m.key for m in METRICS if m.optional}
    assert {m.key: m.direction for m in METRICS if not m.optional} == {
        "correlation": "high",
        "lowe_ratio": "low",
        "rmse": "low",
    }


def test_metrics_need_no_torch() -> None:
    code = "import sys, medsynth_desktop.similarity as s; s.METRICS.keys(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.key)
def test_a_metric_is_complete(metric: Metric) -> None:
    assert metric.label
    assert metric.description.endswith(".")
    assert metric.range[0] < metric.range[1]
    assert metric.digits >= 2
    assert math.isnan(metric(Nearest("q", (), math.nan)))
    assert metric.neighbour(Nearest("q", (), math.nan)) is None


TABLE = [
    # correlations and RMSE of the listed neighbours, whole-split values -> correlation, rmse, whose, whose
    ([("A", 0.9, 0.3), ("B", 0.8, 0.2)], {}, 0.9, 0.2, "A", "B"),
    ([("A", 0.9, 0.3)], {"correlation": 0.9, "rmse": 0.1}, 0.9, 0.1, "A", None),
    ([("A", -0.2, 1.1)], {}, -0.2, 1.1, "A", "A"),
]


@pytest.mark.parametrize(("rows", "whole", "correlation", "rmse", "most", "closest"), TABLE)
def test_values(rows, whole, correlation: float, rmse: float, most: str, closest: str | None) -> None:
    nearest = Nearest("q", tuple(Neighbour(n, n, rmse=e, correlation=c) for n, c, e in rows), 0.5, whole)
    assert METRICS["correlation"](nearest) == correlation
    assert METRICS["rmse"](nearest) == rmse
    assert METRICS["lowe_ratio"](nearest) == 0.5
    assert METRICS["correlation"].neighbour(nearest).image == most
    found = METRICS["rmse"].neighbour(nearest)
    assert (found.image if found else None) == closest


@pytest.mark.parametrize(
    ("best", "other", "ratio"),
    [
        (1.0, 0.5, 0.5),
        (0.8, 0.8, 1.0),
        (0.5, -0.25, -0.5),
        (-0.1, -0.2, 2.0),
        (0.0, -0.3, math.nan),
        (0.5, math.nan, math.nan),
    ],
)
def test_ratio_table(best: float, other: float, ratio: float) -> None:
    assert standing_out(best, other) == pytest.approx(ratio, nan_ok=True)


def test_beyond_is_strict_and_never_for_nan() -> None:
    high, low = METRICS["correlation"], METRICS["rmse"]
    assert [high.beyond(v, 0.9) for v in (0.8, 0.9, 0.91, math.nan)] == [False, False, True, False]
    assert [low.beyond(v, 0.2) for v in (0.3, 0.2, 0.1, math.nan)] == [False, False, True, False]


@pytest.mark.parametrize(
    ("value", "apart", "text"),
    [
        (0.25, (), "0.250"),
        (1.0, (), "1.000"),
        (0.9999996, (), "0.9999996"),
        (0.91204, (0.912,), "0.91204"),
        (0.91204, (0.5, 0.912, 0.91203), "0.91204"),
        (0.912, (0.912,), "0.912"),
        (math.nan, (), "not defined"),
    ],
)
def test_text_hides_no_difference(value: float, apart: tuple[float, ...], text: str) -> None:
    assert METRICS["correlation"].format(value, *apart) == text


def test_by_hand_through_the_search() -> None:
    """Four voxels: [1,1,-1,-1] against itself shifted by one voxel is orthogonal, negated is opposite."""
    import numpy as np

    from medsynth_desktop.similarity.search import NearestSearch

    images = [np.array(v, np.float32).reshape(2, 2) for v in ([1, 1, -1, -1], [1, -1, -1, 1], [-1, -1, 1, 1])]
    records = [ImageRecord(f"P-000{n}-1", f"P-000{n}", "train", "") for n in (1, 2, 3)]
    query = np.array([[0.5, 0.5], [-0.5, -0.5]], np.float32)
    (found,) = drain(NearestSearch(images, records).query([("q", query)]))
    rows = [(n.image, n.correlation, n.rmse) for n in found.neighbours]
    assert rows == [
        ("P-0001-1", pytest.approx(1), pytest.approx(0.5)),
        ("P-0002-1", pytest.approx(0, abs=1e-12), pytest.approx(math.sqrt(1.25))),
        ("P-0003-1", pytest.approx(-1), pytest.approx(1.5)),
    ]
    assert found.lowe_ratio == pytest.approx(0, abs=1e-12)
