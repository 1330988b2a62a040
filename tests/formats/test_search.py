"""Searching folders: every file is accounted for, nothing crashes, nothing is followed in circles."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress
from medsynth_desktop.formats.read import Found, Skipped, find_volumes, read_volume, search_volumes
from tests.formats.series import series


def reasons(folder: Path) -> dict[str, str]:
    return {f.path.name: f.reason for f in find_volumes([folder]) if isinstance(f, Skipped)}


def test_every_kind_of_file_is_listed(tmp_path: Path) -> None:
    series(tmp_path / "scan")
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    (tmp_path / "notes.csv").write_text("a,b")
    (tmp_path / "empty.nii.gz").touch()
    (tmp_path / "fake.nii").write_text("no image at all")
    (tmp_path / "._s000.dcm").write_bytes(b"apple")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "x.png").write_bytes(b"1")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    told = reasons(tmp_path)
    assert told == {
        "notes.csv": "Not an image format that is read.",
        "empty.nii.gz": "The file is empty.",
        "fake.nii": "The name says NIfTI, but the content is not; the file is damaged or renamed.",
        "._s000.dcm": "Hidden file, not searched.",
        ".cache": "Hidden folder, not searched.",
        "pipe": "Not a regular file.",
        "broken": "A link that leads nowhere.",
    }
    found = [f for f in find_volumes([tmp_path]) if isinstance(f, Found)]
    assert [(f.format, len(f.paths)) for f in found] == [("numpy", 1), ("dicom", 4)]
    assert [f.load().array.shape for f in found] == [(3, 4, 1), (4, 3, 4)]


def test_a_search_can_be_stopped_before_each_dicom_header(tmp_path: Path) -> None:
    paths = series(tmp_path)
    steps = search_volumes([tmp_path])
    read = [s for s in steps if isinstance(s, Progress) and s.message.startswith("Reading headers")]
    assert [(s.done, s.total) for s in read] == [(n, len(paths)) for n in range(len(paths))]
    for path in paths:
        path.unlink()
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    assert not any(isinstance(s, Progress) for s in search_volumes([tmp_path]))


def test_links_in_circles_end(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "back").symlink_to(tmp_path)
    items = list(find_volumes([tmp_path, tmp_path / "a.npy"]))
    assert sum(isinstance(i, Found) for i in items) == 1
    assert sum(isinstance(i, Skipped) and "already listed" in i.reason for i in items) == 2


def test_deeply_nested_folders(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(60):
        deep = deep / "d"
        deep.mkdir()
    np.save(deep / "a.npy", np.zeros((3, 4)))
    assert sum(isinstance(i, Found) for i in find_volumes([tmp_path])) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_folder_without_permission_is_listed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    assert "cannot be opened" in reasons(tmp_path)["closed"]


def test_missing_paths_and_empty_folders(tmp_path: Path) -> None:
    assert "Cannot be opened" in next(iter(reasons(tmp_path / "absent").values()))
    with pytest.raises(InputRefused, match="does not exist"):
        read_volume(tmp_path / "absent")
    with pytest.raises(InputRefused, match="no readable volume. It is empty"):
        read_volume(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputRefused, match="Not an image format"):
        read_volume(tmp_path)
    with pytest.raises(InputRefused, match="Not an image format"):
        read_volume(tmp_path / "a.txt")
