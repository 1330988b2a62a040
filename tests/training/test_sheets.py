"""What a running training leaves to be looked at: a table of losses and sheets of pictures."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from medsynth_desktop.core.progress import Steps, drain
from medsynth_desktop.networks.architecture import AutoencoderShape, QuantisedShape
from medsynth_desktop.training import loop
from medsynth_desktop.training.autoencoder import train_autoencoder
from medsynth_desktop.training.diffusion import train_diffusion
from medsynth_desktop.training.presets import preset_for
from medsynth_desktop.training.sheets import drawn_sheet, restored_sheet
from medsynth_desktop.training.stopping import EarlyStop

TINY = preset_for("tiny", max_steps=4)
SOON = EarlyStop(least=2, window=1, gain=0.5)


def images(*grid: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (5, *grid)).astype(np.float32)


def first(out: Path, settings: Any = TINY.autoencoder) -> Steps[Any]:
    return train_autoencoder(images(16, 16, 16), settings, out, "x", unseen=images(16, 16, 16)[:2])


def second(out: Path, settings: Any = TINY.diffusion) -> Steps[Any]:
    torch.manual_seed(3)
    autoencoder = TINY.autoencoder.shape.build().eval()
    return train_diffusion(autoencoder, images(16, 16, 16), settings, out, "x", unseen=images(16, 16, 16)[:2])


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sheets at every step, whatever they cost."""
    monkeypatch.setattr(loop, "SHEET_STEPS", 1)
    monkeypatch.setattr(loop, "SHEET_SHARE", 1e9)


@pytest.mark.parametrize(("run", "stage"), [(first, "autoencoder"), (second, "diffusion")])
def test_losses_are_a_table_beside_the_checkpoint(run: Any, stage: str, tmp_path: Path) -> None:
    own = TINY.autoencoder if stage == "autoencoder" else TINY.diffusion
    settings = replace(own, batch=5, stop=replace(SOON, least=99))
    steps = run(tmp_path, settings)
    while "Training" not in next(steps).message:
        pass
    steps.close()
    assert len((tmp_path / f"{stage}.csv").read_text().splitlines()) == 2
    trained = drain(run(tmp_path, settings))
    rows = list(csv.DictReader((tmp_path / f"{stage}.csv").open()))
    assert [int(r["step"]) for r in rows] == [1, 2, 3, 4]
    assert tuple(round(float(r["loss"]), 5) for r in rows) == trained.summary.curve
    assert tuple(round(float(r["unseen"]), 5) for r in rows) == trained.summary.unseen  # one step an epoch


@pytest.mark.parametrize(("run", "stage"), [(first, "autoencoder"), (second, "diffusion")])
def test_sheets_come_as_it_runs_and_change_nothing(
    run: Any, stage: str, tmp_path: Path, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    drawn = drain(run(tmp_path / "drawn"), seen.append)
    names = sorted(p.name for p in (tmp_path / "drawn").glob("*.png"))
    assert names == [f"{stage}-{step:06}.png" for step in (1, 2, 3, 4)]
    previews = [p.preview for p in seen if p.preview is not None]
    assert len(previews) == 3
    assert previews[0].ndim == 2
    assert abs(previews[0]).max() <= 1
    pictures = [iio.imread(tmp_path / "drawn" / name) for name in names]
    assert not np.array_equal(pictures[0], pictures[-1])
    monkeypatch.setattr(loop, "SHEET_STEPS", 1000)
    plain = drain(run(tmp_path / "plain"))
    assert [p.name for p in (tmp_path / "plain").glob("*.png")] == [names[-1]]
    for name, value in plain.network.state_dict().items():
        assert torch.equal(value, drawn.network.state_dict()[name]), name


def test_a_sheet_waits_while_sheets_cost_too_much(tmp_path: Path, often: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(loop, "SHEET_SHARE", 1e-9)
    drain(first(tmp_path))
    assert sorted(p.name for p in tmp_path.glob("*.png")) == [
        "autoencoder-000001.png",
        "autoencoder-000004.png",
    ]


@pytest.mark.parametrize("grid", [(16, 24), (64, 16, 24)])
def test_sheets_show_the_middle_upright(grid: tuple[int, ...]) -> None:
    """A network that gives back what it is given: both rows are the images, cut and turned as they are looked at."""

    class Same(torch.nn.Module):
        attends = True  # so that no tiles are tried
        factor = 2
        anything = torch.nn.Parameter(torch.zeros(1))

        class folding:
            cells, size = 1, 1

        def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x, x

        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return z

        def parameters(self, recurse: bool = True) -> Iterator[torch.nn.Parameter]:
            yield self.anything

    shown = images(*grid)
    sheet = restored_sheet(Same(), 2, shown)  # type: ignore[arg-type]
    across, down = (grid[0], grid[1]) if len(grid) == 2 else (grid[1], grid[2])
    assert sheet.shape == (2 * (down + 4), 4 * (across + 4))
    second = sheet[2 : 2 + down, across + 6 : 2 * across + 6]
    expected = shown[1].T if len(grid) == 2 else shown[1, 32].T[::-1]
    np.testing.assert_array_equal(second, expected)
    np.testing.assert_array_equal(sheet[: down + 4], sheet[down + 4 :])


@pytest.mark.parametrize(
    "shape",
    [
        AutoencoderShape(2, (8, 16), (1, 1), 2, 4),
        QuantisedShape(3, (8, 16), (1, 2), 1, codes=32, latent_channels=2),
    ],
)
def test_sheets_of_samples_are_the_same_each_time(shape: Any) -> None:
    torch.manual_seed(0)
    autoencoder, schedule = shape.build().eval(), TINY.diffusion.schedule
    if isinstance(shape, QuantisedShape):
        torch.nn.init.normal_(autoencoder.codebook.codes)
    latent = (2, *[8] * shape.spatial_dims)

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return 0.1 * x

    before = torch.get_rng_state()
    sheets = [drawn_sheet(autoencoder, 2.0, network, schedule, latent) for _ in range(2)]
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(*sheets)
    parts = np.split(sheets[0], 4, axis=1)
    assert not np.array_equal(parts[0], parts[1])
