"""Choosing a feature network: what the guard then judges by, and what is said where it cannot be opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.cohorts.access import map_arrays
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.similarity.features import SOURCES
from medsynth_desktop.similarity.features.base import Source
from medsynth_desktop.similarity.features.dictionary import FeatureDictionary
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.featuring import (
    choice_of,
    choose,
    features_in_use,
    no_features,
    offers,
    use_features,
)
from medsynth_desktop.workbench.guarding import audit_images
from medsynth_desktop.workbench.searching import training_evidence, witnesses
from tests.gui.judged_workspace import COHORT, GRID_2D, fill


class Means:
    """Means over rows and over columns: a small honest extractor."""

    name = "Means"

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([np.concatenate([image.mean(axis) for axis in (0, 1)]) for image in images])


@pytest.fixture
def means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source that needs a file, whose text is its fingerprint."""
    file = tmp_path / "secret-folder" / "means.txt"
    file.parent.mkdir()
    file.write_text("one")
    source = Source(
        "means", "Means", "Means of rows and columns.",
        lambda workspace, cohort, choice: "" if file.is_file() else "Its file is not there; put it back.",
        lambda workspace, cohort, choice: Means(file.read_text()),
    )  # fmt: skip
    monkeypatch.setitem(SOURCES._load(), "means", source)
    return file


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    return fill(workspace, GRID_2D)


def test_the_guard_judges_by_it_from_the_next_check_on(filled: Workspace, means: Path) -> None:
    cohort = filled.cohorts.get(COHORT)
    before = training_evidence(filled, cohort).fingerprint
    assert features_in_use(filled, cohort) is None
    use_features(filled, COHORT, "means", who="an officer")
    assert [type(w) for w in witnesses(filled, cohort)].count(FeatureDictionary) == 1
    assert training_evidence(filled, cohort).fingerprint != before
    copied = filled.arrays.get(cohort.split("train")[3].array_hash)
    result = drain(audit_images(filled, cohort, [("a copy", copied)]))
    (verdict,) = result.verdicts
    assert verdict.metrics["dictionary"] == 0
    assert verdict.nearest.matches["dictionary"].image == cohort.split("train")[3].id
    assert any("Feature distance" in reason for reason in verdict.reasons)
    assert "dictionary" in {t.metric for t in filled.policies.current(cohort.hash).thresholds}
    no_features(filled, COHORT)
    assert training_evidence(filled, cohort).fingerprint == before
    drain(audit_images(filled, cohort, [("a copy", copied)]))
    assert "dictionary" not in {t.metric for t in filled.policies.current(cohort.hash).thresholds}


def test_the_choice_is_recorded_and_offered(filled: Workspace, means: Path) -> None:
    cohort = filled.cohorts.get(COHORT)
    assert not any(offer.in_use for offer in offers(filled, cohort))
    said = drain(choose(filled, COHORT, "means", "an officer"))
    assert said == f"The guard of {COHORT} compares features by Means from its next check on."
    assert [offer.key for offer in offers(filled, cohort) if offer.in_use] == ["means"]
    assert filled.settings.get(f"features:{COHORT}")["who"] == "an officer"
    assert choice_of(filled, replace(cohort, hash="grown")).source == "means"
    drain(choose(filled, COHORT, "", "an officer"))
    assert choice_of(filled, cohort) is None


def test_a_network_that_is_gone_is_never_left_out_in_silence(filled: Workspace, means: Path) -> None:
    cohort = filled.cohorts.get(COHORT)
    use_features(filled, COHORT, "means", who="")
    means.write_text("two")
    with pytest.raises(
        InputRefused, match="not the one any more.*features use means --cohort heads.*features off"
    ):
        witnesses(filled, cohort)
    means.unlink()
    with pytest.raises(InputRefused, match=r"Means, which cannot be opened\. Its file.*features off") as told:
        training_evidence(filled, cohort)
    assert "secret" not in str(told.value)
    assert [o.lacking for o in offers(filled, cohort) if o.key == "means"] == [
        "Its file is not there; put it back."
    ]


def keep_network(workspace: Workspace, seed: int) -> None:
    """Keep an untrained recognition network for the cohort, as a training keeps a trained one."""
    import torch

    from medsynth_desktop.networks.identity import IdentityShape
    from medsynth_desktop.workbench.recognition import _to_bytes

    torch.manual_seed(seed)
    shape = IdentityShape(2, (8, 16), 8, 2, 4, 4)
    facts = {"shape": asdict(shape), "grid": list(GRID_2D), "side": 32}
    workspace.recognisers.put(workspace.cohorts.get(COHORT).hash, facts, _to_bytes(shape.build()))


def test_the_cohorts_own_network(filled: Workspace) -> None:
    cohort = filled.cohorts.get(COHORT)
    with pytest.raises(InputRefused, match=f"medsynth train identity --cohort {COHORT}"):
        use_features(filled, COHORT, "own", who="")
    keep_network(filled, 1)
    own = use_features(filled, COHORT, "own", who="")
    images, records = map_arrays(filled, cohort, "train")
    assert drain(FeatureDictionary(own, images, records).query([images[2]])) == [(0.0, 2)]
    assert features_in_use(filled, cohort).fingerprint == own.fingerprint
    keep_network(filled, 2)  # trained anew: limits measured with the other do not hold
    with pytest.raises(InputRefused, match="not the one any more"):
        features_in_use(filled, cohort)


def test_what_cannot_be_chosen(filled: Workspace, means: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = filled.cohorts.get(COHORT)
    with pytest.raises(InputRefused, match=r"one of .*vgg16.*; got 'resnet'"):
        use_features(filled, COHORT, "resnet", who="")
    with pytest.raises(InputRefused, match="takes no file"):
        use_features(filled, COHORT, "means", who="", weights=means)
    means.unlink()
    with pytest.raises(InputRefused, match="put it back"):
        use_features(filled, COHORT, "means", who="")
    assert choice_of(filled, cohort) is None
    monkeypatch.delitem(SOURCES._load(), "means")
    filled.settings.set(
        f"features:{COHORT}",
        {
            "choice": {"source": "means", "weights": "", "preparation": ""},
            "fingerprint": "",
            "name": "Means",
            "who": "",
        },
    )
    with pytest.raises(InputRefused, match="no feature network 'means'"):
        features_in_use(filled, cohort)
