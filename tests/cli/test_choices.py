"""Options that take one of several names: wrong ones are told at once, right ones are those that are registered."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from medsynth_desktop.cli import choices
from medsynth_desktop.networks.precision import Precision
from medsynth_desktop.samplers import SAMPLERS
from medsynth_desktop.training.presets import PRESETS
from tests.cli.conftest import Cli


def test_options_take_the_names_that_are_registered() -> None:
    assert sorted(get_args(choices.Preset)) == sorted(PRESETS)
    assert sorted(get_args(choices.Sampler)) == sorted(SAMPLERS.keys())
    assert set(get_args(choices.Precision)) == set(get_args(Precision))
    assert set(get_args(choices.PrecisionOrAuto)) == {*get_args(Precision), "auto"}


@pytest.mark.parametrize(
    ("option", "value"),
    [("--sampler", "ddmp"), ("--precision", "8"), ("--steps", "0"), ("--count", "0"), ("--attempts", "0")],
)
def test_a_wrong_value_is_wrong_usage_and_told_with_the_right_ones(option: str, value: str, cli: Cli) -> None:
    done = cli("sample", "--bundle", "none", option, value)
    assert (done.code, done.out) == (2, "")
    assert "Invalid value" in done.err
    assert "auto" in done.err or option != "--precision"


def test_a_refused_draw_leaves_no_batch(place: Path, cli: Cli) -> None:
    workspace = ("--workspace", place / "workspace")
    refused = cli(
        "sample", "--bundle", place / "bundle", "--condition", "age=6", "--batch-name", "x", *workspace
    )
    assert refused.code == 1
    assert cli("batch", "list", *workspace, "--json").json["batches"] == []
