"""A codebook's steps beside ones worked out by hand."""

from __future__ import annotations

import pytest
import torch

from medsynth_desktop.networks.codebook import Codebook
from medsynth_desktop.training.codes import MovingCodes


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_step_is_the_one_worked_out_by_hand() -> None:
    codebook = Codebook(2, 1)
    codebook.codes = torch.tensor([[0.0], [10.0]])
    moving = MovingCodes(codebook, decay=0.75, restart=0.1)
    moving.counts = torch.tensor([2.0, 2.0])
    moving.sums = torch.tensor([[0.0], [20.0]])
    cells = torch.tensor([[1.0], [2.0], [3.0], [14.0]])
    index = codebook.nearest(cells)
    assert index.tolist() == [0, 0, 0, 1]
    assert moving.follow(cells, index, generator()) == 0
    # Counts: 0.75 x 2 + 0.25 x 3 and 0.75 x 2 + 0.25 x 1; sums: 0 + 0.25 x 6 and 0.75 x 20 + 0.25 x 14.
    assert moving.counts.tolist() == [2.25, 1.75]
    assert moving.sums.flatten().tolist() == [1.5, 18.5]
    assert codebook.codes.flatten().tolist() == pytest.approx([1.5 / 2.25, 18.5 / 1.75])


def test_codes_begin_at_cells_each_at_another() -> None:
    codebook = Codebook(8, 2)
    moving = MovingCodes(codebook, 0.99, 0.1)
    cells = torch.arange(40.0).reshape(20, 2) * 10
    moving.begin(cells, generator())
    nearest = (codebook.codes[:, None] - cells[None]).square().sum(2)
    assert len(set(nearest.argmin(1).tolist())) == 8
    assert float(nearest.amin(1).sqrt().max()) < 0.1 * float(cells.std())
    assert moving.counts.tolist() == [2.5] * 8  # 20 cells over 8 codes


def test_more_codes_than_cells_part() -> None:
    codebook = Codebook(50, 2)
    MovingCodes(codebook, 0.99, 0.1).begin(torch.arange(20.0).reshape(10, 2), generator())
    assert len({tuple(c) for c in codebook.codes.tolist()}) == 50


def test_dead_codes_come_back_and_are_used() -> None:
    """Codes far from every cell are moved to cells; soon all of them are chosen, and the error falls."""
    cells = torch.randn(512, 4, generator=generator(1))
    codebook = Codebook(32, 4)
    moving = MovingCodes(codebook, 0.8, 0.1)
    moving.begin(cells, generator())
    codebook.codes[1:] = 100.0
    moving.sums[1:] = 100.0 * moving.counts[1:, None]
    index = codebook.nearest(cells)
    assert index.unique().tolist() == [0]
    before = float((codebook.codes[index] - cells).square().mean())
    restarted = 0
    for step in range(40):
        restarted += moving.follow(cells, codebook.nearest(cells), generator(step))
    index = codebook.nearest(cells)
    assert restarted >= 31
    assert len(index.unique()) == 32
    assert float((codebook.codes[index] - cells).square().mean()) < 0.4 * before


def test_all_steps_come_from_the_generator() -> None:
    def run(seed: int) -> torch.Tensor:
        cells = torch.randn(64, 3, generator=generator(5))
        moving = MovingCodes(Codebook(40, 3), 0.5, 0.5)
        moving.begin(cells, generator(seed))
        for step in range(5):
            moving.follow(cells, moving.codebook.nearest(cells), generator(seed + step))
        return moving.codebook.codes

    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))
