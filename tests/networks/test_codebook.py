from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from medsynth_desktop.networks import codebook as module
from medsynth_desktop.networks.architecture import QuantisedShape
from medsynth_desktop.networks.codebook import Codebook


def book(count: int, width: int, seed: int = 0, offset: float = 0.0) -> Codebook:
    made = Codebook(count, width)
    made.codes = torch.randn(count, width, generator=torch.Generator().manual_seed(seed)) + offset
    return made


def brute_force(codes: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """(m, n) distances in float64 by direct differences."""
    return (cells.double()[:, None] - codes.double()[None]).square().sum(2).sqrt()


@pytest.mark.parametrize("offset", [0.0, 300.0])
@pytest.mark.parametrize("table", [1 << 23, 1000])
def test_the_nearest_code_is_that_of_a_float64_search(
    offset: float, table: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TABLE", table)
    made = book(257, 8, offset=offset)
    cells = torch.randn(1003, 8, generator=torch.Generator().manual_seed(1)) + offset
    distances = brute_force(made.codes, cells)
    found = made.nearest(cells)
    best, second = distances.topk(2, dim=1, largest=False).values.T
    taken = distances.gather(1, found[:, None])[:, 0]
    assert float((taken - best).max()) < 1e-5 + 1e-6 * offset
    clear = second - best > 1e-4
    assert float(clear.float().mean()) > 0.99
    assert torch.equal(found[clear], distances.argmin(1)[clear])


@pytest.mark.parametrize("space", [(5, 7), (3, 4, 5)])
def test_each_cell_becomes_its_code_in_its_place(space: tuple[int, ...]) -> None:
    made = book(16, 3)
    latents = torch.randn(2, 3, *space, generator=torch.Generator().manual_seed(1))
    quantised, index = made.quantise(latents)
    assert quantised.shape == latents.shape
    assert index.shape == (2, *space)
    assert torch.equal(made.quantise(quantised)[0], quantised)
    place = (1, *(n - 1 for n in space))
    corner = latents[(place[0], slice(None), *place[1:])]
    nearest = (made.codes - corner).square().sum(1).argmin()
    assert index[place] == nearest
    assert torch.equal(quantised[(place[0], slice(None), *place[1:])], made.codes[nearest])


def test_the_codes_range_becomes_minus_one_to_one() -> None:
    made = Codebook(2, 2)
    made.codes = torch.tensor([[1.0, 2.0], [5.0, 3.0]])
    latents = torch.tensor([1.0, 3.0, 5.0, 7.0]).view(1, 2, 2, 1)
    assert made.normalise(latents).flatten().tolist() == [-1.0, 0.0, 1.0, 2.0]
    assert torch.equal(made.restore(made.normalise(latents)), latents)


def test_codes_that_are_all_alike_give_numbers() -> None:
    made = Codebook(4, 2)
    assert torch.isfinite(made.normalise(torch.ones(1, 2, 3, 3))).all()
    assert torch.equal(made.quantise(torch.ones(1, 2, 3, 3))[0], torch.zeros(1, 2, 3, 3))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(("strides", "fold"), [((1, 2, 2), 1), ((2, 2, 1), 1), ((1, 1, 2), 2)])
def test_latents_are_smaller_by_the_factor_and_decode_to_the_grid(
    dims: int, strides: tuple[int, ...], fold: int
) -> None:
    shape = QuantisedShape(dims, (4, 8, 16), strides, 1, 8, 2, fold)
    network = shape.build().eval()
    network.codebook.codes = book(8, 2).codes
    image = torch.zeros(1, 1, *(16, 24, 32)[:dims])
    with torch.inference_mode():
        latents, spread = network.encode(image)
        restored = network.decode(latents)
    assert shape.factor == 4
    assert latents.shape == (1, 2, *(n // 4 for n in image.shape[2:]))
    assert not spread.any()
    assert restored.shape == image.shape


@pytest.mark.parametrize(
    "wrong",
    [
        {"spatial_dims": 4}, {"channels": (8, 10**9)}, {"channels": ()}, {"strides": (1, 2)}, {"strides": (1, 2, 3)},
        {"strides": (1, 2, True)}, {"res_layers": 0}, {"codes": 1}, {"codes": 1 << 17}, {"codes": 8.0},
        {"latent_channels": 33}, {"fold": 0},
    ],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|needs"):
        QuantisedShape(**wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_published_codebook_over_a_volume_stays_within_its_memory() -> None:
    """16,384 codes of 8 over 32^3 cells, in a process of its own: at most 0.3 GiB more than before."""
    program = """
import resource, torch
from medsynth_desktop.networks.codebook import Codebook
from medsynth_desktop.training.codes import MovingCodes
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
made, latents = Codebook(16384, 8), torch.randn(1, 8, 32, 32, 32)
made.codes.normal_()
made.quantise(latents[..., :2, :2, :2])
before, draws = peak(), torch.Generator().manual_seed(0)
_, index = made.quantise(latents)
MovingCodes(made, 0.99, 0.1).follow(latents.flatten(2)[0].T, index.flatten(), draws)
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.3
