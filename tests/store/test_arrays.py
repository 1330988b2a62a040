"""Content-addressed arrays and the atomic writes beneath them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medsynth_desktop.core.errors import InputRefused, NotFound, StoreFailed
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.store import folders
from medsynth_desktop.store.workspace import Workspace

arrays = hnp.arrays(
    st.sampled_from([np.uint8, np.int16, np.float16, np.float32, np.float64, np.dtype(">i2"), np.bool_]),
    hnp.array_shapes(min_dims=1, max_dims=4, max_side=7),
)


@given(array=arrays)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_array_comes_back_bit_for_bit(workspace: Workspace, array: np.ndarray) -> None:
    name = workspace.arrays.put(array)
    back = workspace.arrays.get(name, verify=True)
    assert name == hash_array(array) == hash_array(back)
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert workspace.arrays.put(array) == name


def test_an_array_is_read_without_copying_and_cannot_be_written(workspace: Workspace) -> None:
    array = workspace.arrays.get(workspace.arrays.put(np.arange(24.0).reshape(2, 3, 4)[:, ::-1]))
    assert isinstance(array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0] = 5


def test_names_that_are_no_hash_or_not_held_are_refused(workspace: Workspace) -> None:
    for name in ("../../../etc/passwd", "", "ab", "z" * 64, "0" * 64):
        assert name not in workspace.arrays
        with pytest.raises(NotFound):
            workspace.arrays.get(name)


def test_objects_are_not_stored(workspace: Workspace) -> None:
    with pytest.raises(TypeError):
        workspace.arrays.put(np.array([object()]))


def test_damage_on_the_disk_is_found_and_mended_by_storing_again(workspace: Workspace) -> None:
    array = np.arange(1000.0)
    name = workspace.arrays.put(array)
    path = workspace.arrays.path(name)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8] + b"changed!")
    with pytest.raises(StoreFailed, match="damaged"):
        workspace.arrays.get(name, verify=True)
    for part in (b"", whole[:50], whole[:1000]):
        path.write_bytes(part)
        with pytest.raises(StoreFailed, match="damaged"):
            workspace.arrays.get(name)
    workspace.arrays.put(array)
    assert path.read_bytes() == whole


def test_many_threads_may_store_the_same_arrays(workspace: Workspace) -> None:
    wanted = [np.full((40, 40), n, np.float32) for n in range(20)]
    threads = [Thread(target=lambda: [workspace.arrays.put(a) for a in wanted]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(workspace.arrays.get(hash_array(a), verify=True), a) for a in wanted)
    assert not list((workspace.path / "unfinished").iterdir())


def leftover(workspace: Workspace, process: int, machine: str | None = None) -> Path:
    folder = workspace.path / "unfinished"
    folder.mkdir(exist_ok=True)
    path = folder / f"{machine or folders._machine()}-{process}-{os.urandom(8).hex()}"
    path.write_bytes(b"half")
    return path


def test_opening_sweeps_what_dead_processes_left_and_nothing_else(workspace: Workspace) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    swept = [leftover(workspace, dead.pid), leftover(workspace, 10**12)]
    folder = leftover(workspace, dead.pid)
    folder.unlink()
    folder.mkdir()
    (folder / "weights").touch()
    old = leftover(workspace, os.getpid())
    os.utime(old, (time.time() - 2 * folders.DAY,) * 2)
    living = [
        leftover(workspace, os.getpid()),
        leftover(workspace, os.getppid()),
        leftover(workspace, dead.pid, "elsewhere"),
    ]
    (workspace.path / "unfinished" / "my own file").touch()
    Workspace.open(workspace.path).close()
    assert not any(p.exists() for p in (*swept, folder, old))
    assert all(p.exists() for p in living)
    assert (workspace.path / "unfinished" / "my own file").exists()


def test_a_folder_with_a_link_is_not_copied(workspace: Workspace, tmp_path: Path) -> None:
    source = tmp_path / "bundle"
    source.mkdir()
    (source / "weights").symlink_to("/etc/hostname")
    with pytest.raises(InputRefused, match="weights"):
        folders.copy_folder(workspace.path, source, workspace.path / "bundles" / "ab")
    assert not (workspace.path / "bundles" / "ab").exists()
    assert not list((workspace.path / "unfinished").iterdir())
