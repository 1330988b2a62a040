"""SIGKILL at any moment of an export leaves no package or a whole one, and the next export sweeps up."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.releases.export import export_release
from medsynth_desktop.releases.folders import sweep
from medsynth_desktop.releases.verify import verify_package
from tests.releases.packages import POLICY, bundle, item

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes to kill them")

EXPORTER = """
import os, signal, sys
from pathlib import Path
from medsynth_desktop.core.progress import drain
from medsynth_desktop.formats import dicom_write
from medsynth_desktop.releases import signing
from medsynth_desktop.releases.export import export_release
from tests.releases.packages import POLICY, bundle, item
import nibabel

items = [item(n) for n in range(3)]
for line in sys.stdin:
    out, last = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        steps = export_release(items, Path(out), bundle=bundle(), policy=POLICY, signing_key=bytes(32))
        for number, _ in enumerate(steps):
            if str(number) == last:
                os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)
    print(child, flush=True)
    sys.stdin.readline()  # until then the number of an ended child stays its own
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Exporter:
    """A process that exports in children, which can be killed without starting Python anew."""

    def __init__(self) -> None:
        root = Path(__file__).resolve().parents[2]
        self.process = subprocess.Popen(
            [sys.executable, "-c", EXPORTER],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, out: Path, last_step: int | None = None) -> int:
        """Start an export that kills itself at ``last_step``; return its process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{out}\t{last_step}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def finished(self) -> bool:
        """Wait; whether it was not killed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline()) == 0


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    made = Exporter()
    yield made
    assert made.process.stdin is not None
    made.process.stdin.close()
    made.process.wait()


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if ".medsynth-partial-" in p.name]


def test_killed_at_random_moments_a_package_is_whole_or_absent(exporter: Exporter, tmp_path: Path) -> None:
    chance = random.Random(7)
    for name in ("first", "second"):  # the first also waits for Python to start
        began = time.monotonic()
        exporter.start(tmp_path / name)
        assert exporter.finished()
    usual = time.monotonic() - began
    killed = 0
    for number in range(25):
        out = tmp_path / f"release{number}"
        child = exporter.start(out)
        time.sleep(chance.uniform(0, usual))
        os.kill(child, signal.SIGKILL)
        done = exporter.finished()
        killed += not done
        assert out.exists() or not done
        if out.exists():
            assert verify_package(out).ok
    assert killed > 3
    drain(export_release([item(0)], tmp_path / "next", bundle=bundle(), policy=POLICY, formats=("nifti",)))
    assert not leftovers(tmp_path)
    assert all(verify_package(p).ok for p in tmp_path.iterdir())


def test_killed_at_each_step_nothing_but_a_leftover_stays_and_is_swept(
    exporter: Exporter, tmp_path: Path
) -> None:
    for step in range(11):  # three samples in two formats: 3 x 3 steps, manifest, name
        exporter.start(tmp_path / "release", step)
        assert not exporter.finished()
        assert not (tmp_path / "release").exists()
        assert len(leftovers(tmp_path)) == 1  # the one before was swept
    exporter.start(tmp_path / "release")
    assert exporter.finished()
    assert verify_package(tmp_path / "release").ok
    assert not leftovers(tmp_path)


def test_sweeping_spares_running_exports_and_what_is_not_ours(tmp_path: Path) -> None:
    mine = [".release.medsynth-partial-notes", ".release.partial-1-00000000", "x.medsynth-partial-1-00000000"]
    for name in mine:
        (tmp_path / name).mkdir()
    (tmp_path / ".file.medsynth-partial-999999999-00000000").write_text("a file, not a folder")
    other = tmp_path / f".r.medsynth-partial-{os.getppid()}-00000000"  # a process that runs
    other.mkdir()
    steps = export_release([item(0)], tmp_path / "first", bundle=bundle(), policy=POLICY, formats=("nifti",))
    next(steps)  # a running export of this process
    drain(export_release([item(0)], tmp_path / "second", bundle=bundle(), policy=POLICY, formats=("nifti",)))
    drain(steps)
    assert verify_package(tmp_path / "first").ok
    assert all((tmp_path / name).exists() for name in (*mine, other.name))
    week = time.time() - 7 * 86_400
    os.utime(other, (week, week))
    assert sweep(tmp_path) == [other.name]
