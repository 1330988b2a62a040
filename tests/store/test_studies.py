from __future__ import annotations

import dataclasses

import pytest

from medsynth_desktop.core.errors import InputRefused, NotFound, StoreFailed
from medsynth_desktop.store.studies import SampleRatings, StudyRecord
from medsynth_desktop.store.workspace import Workspace

RECORD = StudyRecord(
    "looks", "ab", "2026-01-01T00:00:00+00:00", ("anna", "ben"), 4, 0, 4, ("anatomy",), "cd" * 32
)


def test_records_come_back_by_name_oldest_first(workspace: Workspace) -> None:
    later = dataclasses.replace(RECORD, name="a / b", created="2026-02-01T00:00:00+00:00")
    for record in (later, RECORD):
        workspace.studies.put(record)
    assert workspace.studies.names() == ["looks", "a / b"]
    assert workspace.studies.get("a / b") == later
    with pytest.raises(NotFound, match="this workspace has: "):
        workspace.studies.get("other")
    with pytest.raises(NotFound, match="its readers are anna, ben"):
        workspace.studies.answers("looks", "cleo")
    for name in ("", "x" * 81, "two\nlines"):
        with pytest.raises(InputRefused, match="one line"):
            workspace.studies.put(dataclasses.replace(RECORD, name=name))


def test_the_earliest_start_freezes_and_nothing_frozen_is_removed(workspace: Workspace) -> None:
    workspace.studies.put(RECORD)
    for when in ("2026-03-02T10:00:00+00:00", "2026-03-01T10:00:00+00:00", "2026-03-03T10:00:00+00:00"):
        workspace.studies.freeze("looks", when)
    assert workspace.studies.get("looks").frozen == "2026-03-01T10:00:00+00:00"
    with pytest.raises(InputRefused, match="is frozen"):
        workspace.studies.clear("looks")
    workspace.studies.put(dataclasses.replace(RECORD, name="draft"))
    workspace.studies.clear("draft")
    assert workspace.studies.names() == ["looks"]


def test_a_damaged_record_is_told(workspace: Workspace) -> None:
    workspace.studies.put(RECORD)
    path = workspace.studies.folder("looks") / "study.json"
    for text in ("{", "[]", "{}"):
        path.write_text(text)
        with pytest.raises(StoreFailed, match="is damaged"):
            workspace.studies.get("looks")


def test_ratings_in_the_open(workspace: Workspace) -> None:
    assert workspace.studies.ratings() == []
    workspace.studies.put(RECORD)
    ratings = SampleRatings("looks", "cd" * 32, {"anatomy": 4}, {"S-1": {"anatomy": {"anna": 3}}})
    workspace.studies.put_ratings("looks", ratings)
    assert workspace.studies.ratings() == [ratings]
