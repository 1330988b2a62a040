"""Where only limits matter: a quick look leaves out values that are far from them, and measures the others as ever."""

from __future__ import annotations

import numpy as np

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Nearest
from medsynth_desktop.similarity.disguised.search import DisguisedSearch
from medsynth_desktop.similarity.evidence import Evidence
from medsynth_desktop.similarity.search import NearestSearch
from tests.similarity import disguises
from tests.similarity.disguised.test_parts import blobs

SHAPE, COUNT = (128, 112), 8
LIMITS = {"aligned": 0.6, "part": 0.7}


def evidence() -> tuple[list[np.ndarray], Evidence]:
    images = [blobs(SHAPE, seed) for seed in range(COUNT)]
    records = [ImageRecord(f"i-{n}", f"P-{n:04}", "train", "") for n in range(COUNT)]
    return images, Evidence(NearestSearch(images, records), [DisguisedSearch(images, records)])


def asked(limits: dict[str, float] | None) -> tuple[Nearest, ...]:
    images, search = evidence()
    generator = np.random.default_rng(0)
    copies = [
        ("innocent", blobs(SHAPE, 50)),
        ("turned", disguises.turned(5, 5)(generator, images[2], images[0])),
        ("half", disguises.half(generator, images[3], blobs(SHAPE, 51))),
    ]
    return tuple(drain(search.query(copies, limits)))


def test_copies_have_the_values_of_a_whole_look_and_innocents_none() -> None:
    whole, quick = asked(None), asked(LIMITS)
    assert whole[0].metrics["aligned"] < LIMITS["aligned"]
    assert whole[0].metrics["part"] < LIMITS["part"]
    assert {"aligned", "part"}.isdisjoint(quick[0].metrics)
    assert quick[0].metrics == {k: v for k, v in whole[0].metrics.items() if k in quick[0].metrics}
    for by_all, by_some, patient in zip(whole[1:], quick[1:], ("P-0002", "P-0003"), strict=True):
        assert by_some.metrics == by_all.metrics
        assert by_some.disguises[0].patient == patient


def test_what_lies_near_a_limit_is_measured() -> None:
    low = {"aligned": -1.0, "part": 1.0}
    assert asked(low)[0].metrics == asked(None)[0].metrics


def test_without_a_limit_of_its_own_nothing_is_looked_for() -> None:
    assert "aligned" not in asked({"correlation": 0.9})[1].metrics
