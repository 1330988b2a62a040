"""Opening: new, again, and everything that is no workspace or cannot be one."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.store.workspace import DATABASE, Workspace


def sentence(error: pytest.ExceptionInfo[StoreFailed], *parts: str) -> None:
    """One line that says what and what to do, and tells no folder."""
    text = str(error.value)
    assert "\n" not in text
    assert "/" not in text.replace("input/output", "")
    assert all(p in text for p in parts), text


def test_a_workspace_is_created_and_keeps_what_it_was_told(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "down" / "work space%20"
    with Workspace.open(folder) as first:
        first.settings.set("theme", {"dark": True, "sizes": [1, 2.5]})
        secret = first.secret()
    with Workspace.open(folder) as second:
        assert second.settings.get("theme") == {"dark": True, "sizes": [1, 2.5]}
        assert second.settings.get("nothing", 7) == 7
        assert second.secret() == secret
        assert second.problems() == []
    assert len(secret) == 32


def test_each_workspace_has_its_own_secret(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "a") as a, Workspace.open(tmp_path / "b") as b:
        assert a.secret() != b.secret()


def test_a_database_that_was_only_begun_is_finished(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    with Workspace.open(tmp_path) as workspace:
        assert workspace.cohorts.names() == []


def test_opening_an_up_to_date_workspace_does_not_import_alembic(tmp_path: Path) -> None:
    Workspace.open(tmp_path).close()
    code = (
        "import sys; from pathlib import Path; from medsynth_desktop.store.workspace import Workspace; "
        f"Workspace.open(Path({str(tmp_path)!r})); print('alembic' in sys.modules, 'torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]


def test_what_is_no_sqlite_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"my thesis, please keep" * 100)
    with pytest.raises(StoreFailed) as error:
        Workspace.open(tmp_path)
    sentence(error, "damaged or is no MedSynth workspace", "choose another folder")
    assert (tmp_path / DATABASE).read_bytes().startswith(b"my thesis, please keep")


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / DATABASE) as foreign:
        foreign.execute("CREATE TABLE songs (title TEXT)")
    foreign.close()
    with pytest.raises(StoreFailed) as error:
        Workspace.open(tmp_path)
    sentence(error, "no MedSynth workspace")
    with sqlite3.connect(tmp_path / DATABASE) as foreign:
        assert foreign.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]
    foreign.close()


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    with Workspace.open(tmp_path) as workspace:
        for number in range(300):
            workspace.settings.set(f"key {number}", "x" * 500)
    path = tmp_path / DATABASE
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreFailed) as error:
        Workspace.open(tmp_path).settings.get("key 7")
    sentence(error, "damaged", "backup")


def test_a_newer_programs_workspace_is_refused(tmp_path: Path) -> None:
    Workspace.open(tmp_path).close()
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("UPDATE alembic_version SET version_num = '0999'")
    database.close()
    with pytest.raises(StoreFailed) as error:
        Workspace.open(tmp_path)
    sentence(error, "newer MedSynth Desktop", "0999", "update the program")


def test_a_file_or_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a folder")
    for path in (file, file / "workspace", tmp_path / ("n" * 300)):
        with pytest.raises(StoreFailed) as error:
            Workspace.open(path)
        sentence(error, "no usable folder", "choose another")
    assert file.read_text() == "not a folder"


AS_NOBODY = """
import os, sys
from pathlib import Path
from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.store.workspace import Workspace
import numpy, alembic.command, alembic.config
if os.getuid() == 0:
    os.setuid(65534)
try:
    Workspace.open(Path(sys.argv[1])).settings.set("a", 1)
except StoreFailed as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="rights work otherwise on Windows")
@pytest.mark.parametrize("existing", [False, True])
def test_a_read_only_folder_is_told(existing: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "workspace"
        if existing:
            Workspace.open(folder).close()
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o555 if path.is_dir() else 0o444)
        Path(name).chmod(0o555)
        told = subprocess.run([sys.executable, "-c", AS_NOBODY, str(folder)], capture_output=True, text=True)
        Path(name).chmod(0o755)
        if existing:
            folder.chmod(0o755)
    assert told.stderr == ""
    assert "cannot be written" in told.stdout
    assert len(told.stdout.splitlines()) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a small disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing_that_was_finished(small_disk: Path) -> None:
    generator = np.random.default_rng(0)
    kept: dict[str, np.ndarray] = {}
    with Workspace.open(small_disk / "workspace") as workspace:

        def fill() -> None:
            while True:
                array = generator.random(20_000)
                kept[workspace.arrays.put(array)] = array

        with pytest.raises(StoreFailed) as error:
            fill()
        sentence(error, "full", "free some space")
        with pytest.raises(StoreFailed) as error:
            workspace.settings.set("key", "x" * (2 << 20))
        sentence(error, "full")
    assert len(kept) > 2
    with Workspace.open(small_disk / "workspace") as again:
        assert again.problems() == []
        assert all(np.array_equal(again.arrays.get(n, verify=True), a) for n, a in kept.items())
        assert not list((small_disk / "workspace" / "unfinished").iterdir())


def test_a_disk_too_full_to_begin_with_is_told(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes((2 << 20) - 4096 * 12))
    with pytest.raises(StoreFailed) as error:
        Workspace.open(small_disk / "workspace")
    sentence(error, "full")
    (small_disk / "ballast").unlink()
    with Workspace.open(small_disk / "workspace") as workspace:
        assert workspace.problems() == []
