"""A cohort of phantoms imported through the command line, shared by the tests of this folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.cli import main
from tests.remembering import remembered_disguises  # noqa: F401

GRID = (16, 24, 16)


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Outcome]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run `medsynth` in this process; whatever it refuses, it refuses in one line and without a traceback."""

    def run(*words: object) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(w) for w in words])
        out, err = capfd.readouterr()
        code = ended.value.code
        code = 0 if code is None else int(code)
        assert "Traceback" not in err
        if code == 1:
            told = [line for line in err.splitlines() if line.startswith("medsynth: ")]
            assert len(told) == 1, err
            assert "unexpected fault" not in told[0], err
        return Outcome(code, out, err)

    return run


def phantom(seed: int) -> np.ndarray:
    """A smooth blob that differs from seed to seed, with a dark margin; (16, 24, 16) float32, 0 to 1000."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=GRID), 1.5)
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in GRID), indexing="ij")
    inside = sum(a**2 for a in axes) < 0.8
    return np.where(inside, 500 + 4000 * field, 0).clip(0, 1000).astype(np.float32)


def save(array: np.ndarray, path: Path) -> Path:
    """Write a NIfTI file of 4 mm voxels."""
    nibabel.save(nibabel.Nifti1Image(array, np.diag([4.0, 4.0, 4.0, 1.0])), path)
    return path


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``images/`` (20 patients) and ``workspace/`` (the cohort ``phantoms``)."""
    folder = tmp_path_factory.mktemp("imported")
    (folder / "images").mkdir()
    for number in range(20):
        save(phantom(number), folder / "images" / f"doe{number:02}_T1.nii.gz")
    (folder / "images" / "notes.txt").write_text("no image")
    words = ["cohort", "import", "phantoms", folder / "images", "--grid", "16,24,16", "--spacing", "4"]
    with pytest.raises(SystemExit) as ended:
        main([str(w) for w in [*words, "--workspace", folder / "workspace"]])
    assert ended.value.code in (0, None)
    return folder


@pytest.fixture
def home(imported: Path, tmp_path: Path) -> Path:
    """A private copy of `imported`."""
    shutil.copytree(imported, tmp_path / "home")
    return tmp_path / "home"


def quiet(*words: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(w) for w in words])
    assert ended.value.code in (0, None)


@pytest.fixture(scope="module")
def trained(imported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `imported` with ``bundle/``, a tiny model trained on the cohort by the two commands."""
    folder = tmp_path_factory.mktemp("trained") / "home"
    shutil.copytree(imported, folder)
    for stage in ("autoencoder", "diffusion"):
        words = ["--cohort", "phantoms", "--preset", "tiny", "--max-steps", 3, "--out", folder / "bundle"]
        quiet("train", stage, *words, "--workspace", folder / "workspace")
    return folder


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A private copy of `trained`."""
    shutil.copytree(trained, tmp_path / "place")
    return tmp_path / "place"
