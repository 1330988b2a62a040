"""The benchmark runs, and both ways find the same surface."""

from __future__ import annotations

import pytest

from tests.benchmarks import bench_surface


def test_both_ways_find_the_same_surface() -> None:
    document = bench_surface.run(size=32, repeats=1)
    assert document["area_difference"] < 1e-3
    assert document["flying_edges"]["triangles"] == pytest.approx(
        document["scikit_image"]["triangles"], rel=0.05
    )
    assert {"seconds", "peak_mib"} <= document["engine_whole"].keys()
