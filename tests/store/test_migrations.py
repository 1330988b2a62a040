"""The migrations end where the program's tables begin."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import medsynth_desktop.store
from medsynth_desktop.store import schema
from medsynth_desktop.store.workspace import Workspace


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
    import pytest

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
