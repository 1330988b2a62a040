"""The migrations end where the program's tables begin."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import medsynth_desktop.store
from medsynth_desktop.store import schema
from medsynth_desktop.store.workspace import Workspace
from tests.store.records import policy


def test_the_newest_migration_is_the_version_that_the_program_knows() -> None:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(medsynth_desktop.store.__file__).with_name("migrations"))
    )
    assert ScriptDirectory.from_config(config).get_heads() == [schema.VERSION]


def test_a_migrated_database_has_the_programs_tables(workspace: Workspace) -> None:
    with workspace._database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []


def test_a_failed_migration_leaves_nothing_behind(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def fail(connection: object, upgrade=None) -> None:  # type: ignore[no-untyped-def]
        migrate(connection)
        raise KeyboardInterrupt

    migrate = medsynth_desktop.store.database._upgrade
    with monkeypatch.context() as patched:
        patched.setattr(medsynth_desktop.store.database, "_upgrade", fail)
        with pytest.raises(KeyboardInterrupt):
            Workspace.open(tmp_path)
    with Workspace.open(tmp_path) as workspace:
        assert workspace.problems() == []
        assert workspace.batches.names() == []


def test_a_workspace_of_the_first_schema_opens_and_keeps_its_policies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(schema, "VERSION", "0001")
        Workspace.open(tmp_path).close()
    first, second = policy("1" * 64), policy("2" * 64)
    with sqlite3.connect(next(tmp_path.glob("*.sqlite"))) as old:
        for put in (first, second):
            record = {k: v for k, v in asdict(put).items() if k not in ("bundle_hash", "doubt")}
            old.execute(
                "INSERT INTO policies VALUES (?, ?, ?)", (put.hash, put.cohort_hash, json.dumps(record))
            )
            choice = (put.cohort_hash, put.hash, "2026-01-01T00:00:00+00:00")
            old.execute(
                "INSERT INTO policy_choices (cohort_hash, policy_hash, chosen) VALUES (?, ?, ?)", choice
            )
    old.close()
    with Workspace.open(tmp_path) as workspace:
        assert workspace.problems() == []
        assert workspace.policies.current(first.cohort_hash) == second
        assert workspace.policies.of(first.cohort_hash) == [first, second]
        assert workspace.policies.scopes(first.cohort_hash) == [""]
        workspace.policies.put(first)
        assert workspace.policies.current(first.cohort_hash) == first
        with workspace._database.read() as connection:
            assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
