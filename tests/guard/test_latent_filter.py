"""Distances to training latents by hand, and whose count."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.guard import latent_filter
from medsynth_desktop.guard.latent_filter import LatentFilter, same_class
from medsynth_desktop.similarity.table import Table
from medsynth_desktop.store.workspace import Workspace

NAMES = [bytes([number]) * 32 for number in range(3)]
ROWS = np.array([[0, 0, 3, 4], [10, 0, 0, 10], [6, 8, -5, -12]], np.float32)
"""Three images, each with its mirror: latents of two numbers."""


def keep_away(workspace: Workspace, names: list[bytes]) -> LatentFilter:
    table = Table(workspace.indexes, "latents", 2, 4)
    table.add(NAMES[:2], np.ones((2, 2)), ROWS[:2])
    table.add(NAMES[2:], np.ones((1, 2)), ROWS[2:])
    return LatentFilter(table, names, 2)


@pytest.mark.parametrize("block", [1, 1 << 20])
def test_distances_by_hand(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(latent_filter, "BLOCK", block)
    drawn = np.array([[3, 0], [3, 4], [0, 15], [-5, 0]], np.float32)
    chosen = keep_away(workspace, NAMES)
    np.testing.assert_allclose(chosen.distances(drawn), [3, 0, 5, 5])
    assert chosen.farthest(drawn) == 2, "the first of equals"
    alone = keep_away(workspace, NAMES[2:])
    np.testing.assert_allclose(alone.distances(drawn[:2]), [np.hypot(3, 8), 5])


def test_latents_of_another_size_are_a_mistake(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="latents of 3 numbers"):
        keep_away(workspace, NAMES).distances(np.zeros((1, 3)))


def test_a_class_is_what_was_asked_for_else_all() -> None:
    facts = [{"label": 1, "age": 61}, {"label": "0", "age": 61}, {"label": None}]
    records = [ImageRecord(f"P-{i}-1", f"P-{i}", "train", "", f) for i, f in enumerate(facts)]
    assert same_class(records, {}) == records
    assert same_class(records, {"label": 1.0}) == records[:1]
    assert same_class(records, {"label": 0.0, "age": 61.0}) == records[1:2]
    assert same_class(records, {"age": 61.5}) == records
