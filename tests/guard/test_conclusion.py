"""What an audit says of memorising: it cries wolf over no innocent batch and is not silent about copies."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from medsynth_desktop.core.progress import drain
from medsynth_desktop.guard.audit import AuditResult, audit_queries, innocent_share
from medsynth_desktop.guard.calibration import Calibration, calibrate
from medsynth_desktop.guard.conclusion import (
    DISGUISES,
    GIVEN_AWAY,
    NO_DISGUISES,
    membership_words,
    memorisation,
    nearer,
    not_tested,
)
from medsynth_desktop.guard.membership import Membership, measure_attack
from medsynth_desktop.guard.policy import with_threshold
from medsynth_desktop.guard.report import render_report
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.similarity.search import NearestSearch
from tests.guard.test_audit import images_of, records_of

TRAIN, RECORDS = images_of(1, 40), records_of(40)
SEARCH = NearestSearch(TRAIN, RECORDS)


@pytest.fixture(scope="module")
def made() -> Calibration:
    return drain(calibrate(SEARCH, images_of(2, 60), records_of(60, 500), resamples=50))


def audit(images: np.ndarray, made: Calibration) -> AuditResult:
    queries = [(f"S-{i}", image) for i, image in enumerate(images)]
    return drain(audit_queries(SEARCH, queries, made.policy("c"), made))


def membership(gap: float, count: int = 40) -> Membership:
    generator = np.random.default_rng(0)
    sides = [
        (generator.normal(mean, 1, count), [f"{name}{i}" for i in range(count)])
        for mean, name in ((gap, "t"), (0.0, "u"))
    ]
    attack = measure_attack("loss", *sides, generator)
    return Membership((attack,), (count, count), (count, count), (count, count), 0, (0.3,), 1)


def test_innocent_batches_are_quiet(made: Calibration) -> None:
    levels = [memorisation(audit(images_of(seed, 40), made)).level for seed in range(10, 15)]
    assert levels.count("quiet") >= 4
    assert "alarm" not in levels


def test_a_batch_of_near_copies_is_an_alarm_in_the_report(made: Calibration) -> None:
    near = (0.6 * TRAIN[:24] + 0.4 * images_of(7, 24)).astype(np.float32)
    result = audit(near, made)
    assert nearer(result)
    found = memorisation(result)
    assert found.level == "alarm"
    assert f"{result.counts['block']} of 24 images may link to a patient" in " ".join(found.sentences)
    page = render_report(result)
    assert '<p class="finding alarm"><b>This model repeats its patients.</b>' in page


def test_few_images_are_too_little_to_say(made: Calibration) -> None:
    found = memorisation(audit(images_of(10, 6), made))
    assert found.level == "unknown"
    assert "cannot be trusted" in found.sentences[1]


def test_an_attack_that_works_is_told_and_one_that_does_not_is_no_alarm(made: Calibration) -> None:
    innocent = audit(images_of(11, 40), made)
    assert memorisation(innocent).level == "quiet"
    told = memorisation(replace(innocent, membership=membership(2.0)))
    assert told.level == "alarm"
    assert told.sentences[0] == GIVEN_AWAY  # no image repeats anybody
    assert "Somebody who has the model can tell a training image" in told.sentences[-1]
    assert memorisation(replace(innocent, membership=membership(0.0))).level == "quiet"
    assert (
        memorisation(replace(innocent, membership=membership(5.0, 8))).level == "quiet"
    )  # 8 patients: untrusted
    assert "cannot be trusted" in membership_words(membership(5.0, 8))[-1]


def test_what_was_not_tested_follows_what_was(made: Calibration) -> None:
    result = audit(images_of(12, 21), made)
    told = not_tested(result)
    assert told[0] == NO_DISGUISES  # nothing looked for them here
    assert any("Whether somebody who has the model" in sentence for sentence in told)
    assert membership_words(None)[0].startswith("Not tested.")
    looked = replace(made, values={**made.values, "aligned": (0.1,) * 60, "part": (0.2,) * 60})
    told = not_tested(replace(result, calibration=looked, membership=membership(0.0)))
    assert told[0] == DISGUISES
    assert not any("Whether somebody who has the model" in sentence for sentence in told)


def test_images_given_by_path_have_no_model_and_may_be_scans(made: Calibration) -> None:
    """Whatever is found: nearly only copies, a few copies, none at all, too few to say."""
    near = (0.6 * TRAIN[:24] + 0.4 * images_of(7, 24)).astype(np.float32)
    one = np.concatenate([TRAIN[:1], images_of(11, 40)])
    for images, level in (
        (near, "alarm"),
        (one, "quiet"),
        (images_of(10, 40), "quiet"),
        (images_of(12, 1), "unknown"),
    ):
        result = replace(audit(images, made), drawn=False)
        found = memorisation(result)
        assert found.level == level
        assert "model" not in " ".join(found.sentences)
        text = render_report(result)
        told = text[: text.index("What was not tested")]
        assert not re.search("[Ss]ynthetic|[Mm]odel|this source", told)
        assert "nothing here tells a synthetic one from a scan" in text
        if level != "alarm":
            assert "each is judged for itself" in " ".join(found.sentences).lower()
    assert "Membership" in render_report(audit(TRAIN[:1], made))


def test_typed_limits_are_judged_on_the_unseen_images_themselves(made: Calibration) -> None:
    calibrated = made.policy("c")
    assert innocent_share(calibrated, made) == (made.false_blocks, 60)
    middle = float(np.median(made.values["correlation"]))
    typed = with_threshold(calibrated, "correlation", middle, middle, "A. Reader", "strict")
    share, count = innocent_share(typed, made)
    assert count == 60
    assert 0.5 <= share <= 0.6


def test_a_model_that_draws_noise_is_not_accused(made: Calibration) -> None:
    # Noise is like nothing: its likenesses are faint, their ratios low by chance, and their distribution is another.
    noise = np.random.default_rng(3).uniform(-1, 1, (40, *TRAIN.shape[1:])).astype(np.float32)
    found = audit(noise, made)
    policy = with_threshold(
        found.policy, "lowe_ratio", 0.97, 0.97, "J. Doe", "a strict limit, so that many are blocked"
    )
    strict = replace(found, policy=policy, verdicts=tuple(judge(v.nearest, policy) for v in found.verdicts))
    assert strict.counts["block"] > 10
    assert strict.link_risk.strays == strict.counts["block"]
    for result in (found, strict):
        assert memorisation(result).level in ("quiet", "unknown")
        assert not nearer(result)
