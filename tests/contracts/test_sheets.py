"""docs/sheets: a picture sheet for every preset, of that preset's own method, said as it is in docs/models.md."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import pytest

from medsynth_desktop.training.presets import PRESETS
from tests.contracts.tracked import ROOT

MOST_OF_ONE, MOST_OF_ALL = 220_000, 2_000_000
SMALLER = {
    "steps", "batch", "rate", "patch", "ema", "channels", "res_blocks", "res_layers", "attention", "head_channels",
    "norm_groups",
}  # fmt: skip
"""What two cores may make smaller: sizes and numbers of steps, with what follows from them; never the method."""


def script() -> Any:
    """docs/make_sheets.py, which is no package."""
    spec = util.spec_from_file_location("make_sheets", ROOT / "docs" / "make_sheets.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE = script()
NAMES = [*MAKE.ROWS, MAKE.PRIVATE]


def names_in(changes: Mapping[str, Any]) -> set[str]:
    inner = [names_in(value) for value in changes.values() if isinstance(value, Mapping)]
    return {name for name, value in changes.items() if not isinstance(value, Mapping)}.union(*inner)


def test_every_preset_has_a_sheet_or_is_a_size_of_one() -> None:
    assert {*MAKE.ROWS, *MAKE.SIZES} == set(PRESETS)
    assert set(MAKE.SIZES.values()) <= set(MAKE.ROWS)


@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_is_shown_and_small(name: str) -> None:
    path = ROOT / "docs" / "sheets" / f"{name}.png"
    assert f"](sheets/{name}.png)" in (ROOT / "docs" / "models.md").read_text("utf-8")
    assert path.stat().st_size < MOST_OF_ONE
    picture = iio.imread(path)
    assert picture.std() > 30


def test_all_sheets_together_are_small() -> None:
    sheets = list((ROOT / "docs" / "sheets").iterdir())
    assert sorted(p.stem for p in sheets) == sorted(NAMES)
    assert sum(p.stat().st_size for p in sheets) < MOST_OF_ALL


@pytest.mark.parametrize("row", MAKE.ROWS.values(), ids=lambda r: r.preset)
def test_a_row_keeps_its_method_and_says_what_it_makes_smaller(row: Any) -> None:
    assert names_in(row.autoencoder) | names_in(row.diffusion) <= SMALLER
    full, small = PRESETS[row.preset], MAKE.reduced(row)
    assert MAKE.words(row) in (ROOT / "docs" / "models.md").read_text("utf-8")
    assert small.autoencoder.steps <= full.autoencoder.steps
    assert small.diffusion.steps <= full.diffusion.steps
    assert small.autoencoder.shape.factor == full.autoencoder.shape.factor
    assert small.autoencoder.shape.latent_channels == full.autoencoder.shape.latent_channels
    assert type(small.diffusion.shape) is type(full.diffusion.shape)


def test_a_row_is_trained_drawn_and_not_trained_twice(tmp_path: Path, monkeypatch: Any) -> None:
    """Two steps of a row on a few images; what is there is only drawn again."""
    row, demo = MAKE.ROWS["vqvae-2d"], MAKE.DEMOS["chest"]
    (tmp_path / demo.name / "cohort").mkdir(parents=True)
    head, *lines = (demo.folder / MAKE.LIST).read_text("utf-8").splitlines()
    for line in lines[:30]:
        name = line.partition(",")[0]
        shutil.copyfile(demo.folder / "cohort" / name, tmp_path / demo.name / "cohort" / name)
    (tmp_path / demo.name / MAKE.LIST).write_text("\n".join([head, *lines[:30]]) + "\n", "utf-8")
    monkeypatch.setattr("medsynth_desktop.workbench.demo.RESOURCES", tmp_path)
    monkeypatch.setattr("medsynth_desktop.workbench.training.find_eye", lambda *_: None)  # seconds to read
    few = {"steps": 2, "batch": 2}
    small = {"channels": (8, 8, 8), "norm_groups": 4, "head_channels": 8}
    monkeypatch.setitem(
        MAKE.ROWS, row.preset,
        replace(
            row, grid=(32, 32), columns=3, autoencoder={**row.autoencoder, **few, "patch": 32},
            diffusion={**row.diffusion, **few, "shape": {**row.diffusion["shape"], **small}},
        ),
    )  # fmt: skip
    arguments = [row.preset, "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    MAKE.main(arguments)
    first = (tmp_path / "out" / f"{row.preset}.png").read_bytes()
    weights = (tmp_path / "work" / row.preset / "diffusion.safetensors").stat().st_mtime_ns
    MAKE.main(arguments)
    assert (tmp_path / "out" / f"{row.preset}.png").read_bytes() == first
    assert (tmp_path / "work" / row.preset / "diffusion.safetensors").stat().st_mtime_ns == weights
    assert set(PRESETS) == {*MAKE.ROWS, *MAKE.SIZES}
    with pytest.raises(SystemExit):
        MAKE.main(["no-such-row", "--work", str(tmp_path / "work")])
