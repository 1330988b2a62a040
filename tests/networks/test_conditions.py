"""Conditions in the network: a UNet that has none is as before; one that has some draws with and without."""

from __future__ import annotations

import pytest
import torch

from medsynth_desktop.networks.architecture import UNetShape
from medsynth_desktop.networks.conditions import ConditionEmbedding

NAN = float("nan")


@pytest.mark.parametrize("dims", [2, 3])
def test_what_is_asked_changes_the_prediction_and_nan_is_nothing_asked(dims: int) -> None:
    torch.manual_seed(0)
    shape = UNetShape(
        dims, 2, (16, 32), (1, 1), (False, True), 16, 8, fold=1, conditions=(3, 0), condition_width=8
    )
    network = shape.build().eval()
    for parameter in network.parameters():
        if not parameter.any():  # MONAI starts the last layers, also of each attention, at zero
            torch.nn.init.normal_(parameter, std=0.05)
    x, t = torch.randn(2, 2, *[8] * dims), torch.tensor([10.0, 20.0])

    def predict(*rows: list[float]) -> torch.Tensor:
        with torch.inference_mode():
            return network(x, t, torch.tensor(rows))

    nothing = predict([NAN, NAN], [NAN, NAN])
    with torch.inference_mode():
        torch.testing.assert_close(network(x, t), nothing)
    first = predict([0, NAN], [NAN, NAN])
    assert not torch.allclose(first[0], nothing[0])
    torch.testing.assert_close(first[1], nothing[1])  # each image of a batch has its own
    assert not torch.allclose(predict([1, NAN], [NAN, 0.3])[1], predict([1, NAN], [NAN, -0.3])[1])


def test_a_token_for_each_condition() -> None:
    embedding = ConditionEmbedding((3, 0), 8)
    tokens = embedding(torch.tensor([[2.0, NAN], [NAN, 0.5]]))
    assert tokens.shape == (2, 2, 8)
    torch.testing.assert_close(tokens[0, 0], embedding.tables[0].weight[2])
    torch.testing.assert_close(tokens[0, 1], embedding.missing[1])
    torch.testing.assert_close(tokens[1, 0], embedding.missing[0])
    tokens.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in embedding.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    "wrong",
    [{"conditions": (-1,)}, {"conditions": (2,) * 17}, {"condition_width": 0}, {"conditions": (1001,)}],
)
def test_impossible_conditions_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="condition"):
        UNetShape(**wrong)  # type: ignore[arg-type]
