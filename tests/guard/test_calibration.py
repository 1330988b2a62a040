from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Nearest, Neighbour, Split
from medsynth_desktop.guard.calibration import (
    Calibration,
    bootstrap_interval,
    calibrate,
    share_blocked,
    thresholds_from,
)
from medsynth_desktop.guard.policy import threshold_of
from medsynth_desktop.guard.verdicts import VERDICTS, judge, judge_many, percent
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.search import NearestSearch


def records_of(count: int, first: int, split: Split, scans: int = 1) -> list[ImageRecord]:
    return [
        ImageRecord(f"P-{first + i // scans:04d}-{1 + i % scans}", f"P-{first + i // scans:04d}", split, "")
        for i in range(count)
    ]


def images_of(rng: np.random.Generator, count: int) -> np.ndarray:
    """Ten-voxel cubes that resemble one another."""
    common = np.random.default_rng(99).standard_normal((10, 10, 10))
    return (0.2 * (common + rng.standard_normal((count, 10, 10, 10)))).astype(np.float32)


def found_from(values: list[float], ratio: float = 0.9) -> list[Nearest]:
    """Unseen images with these correlations; the RMSE is 1 less the correlation."""
    return [
        Nearest(f"P-{1000 + i}-1", (Neighbour("P-0001-1", "P-0001", 1 - v, v),), ratio)
        for i, v in enumerate(values)
    ]


def test_thresholds_are_the_quantiles_of_either_risky_side() -> None:
    values = [i / 100 for i in range(100)]
    made = thresholds_from(found_from(values), records_of(100, 1000, "calibration"), 50, quantile=0.95)
    by_metric = {t.metric: t for t in made.thresholds}
    assert by_metric["correlation"].block == pytest.approx(0.9405)
    assert by_metric["rmse"].block == pytest.approx(1 - 0.9405)
    assert by_metric["lowe_ratio"].block == pytest.approx(0.9)
    assert by_metric["correlation"].n == 100
    assert by_metric["correlation"].quantile == 0.95
    for threshold, high in ((by_metric["correlation"], True), (by_metric["rmse"], False)):
        low_end, high_end = threshold.interval
        assert low_end < threshold.block < high_end
        assert threshold.review == (low_end if high else high_end)
    assert made.warnings == ()


def test_the_asked_share_of_unseen_images_is_not_blocked() -> None:
    rng = np.random.default_rng(4)
    train, unseen = images_of(rng, 40), images_of(rng, 60)
    made = drain(
        calibrate(
            NearestSearch(train, records_of(40, 1, "train")), unseen, records_of(60, 100, "calibration")
        )
    )
    policy = made.policy("c" * 64)
    assert policy.cohort_hash == "c" * 64
    for threshold in policy.thresholds:
        alone = type(policy)("c", (threshold,), "h")
        codes = judge_many({threshold.metric: np.array(made.values[threshold.metric])}, alone)
        assert (codes == VERDICTS.index("block")).mean() <= 1 - 0.983 + 1 / 60
    assert made.images == tuple(r.id for r in records_of(60, 100, "calibration"))
    assert made.train_images == 40


def test_same_seed_same_interval_and_order_of_images_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    train, unseen = images_of(rng, 20), images_of(rng, 15)
    one = drain(
        calibrate(
            NearestSearch(train, records_of(20, 1, "train")),
            unseen,
            records_of(15, 100, "calibration"),
            seed=3,
        )
    )
    other = drain(
        calibrate(
            NearestSearch(train[::-1], records_of(20, 1, "train")[::-1]),
            unseen,
            records_of(15, 100, "calibration"),
            seed=3,
        )
    )
    assert one == other
    third = drain(
        calibrate(
            NearestSearch(train, records_of(20, 1, "train")),
            unseen,
            records_of(15, 100, "calibration"),
            seed=4,
        )
    )
    assert third.thresholds != one.thresholds
    assert [t.block for t in third.thresholds] == [t.block for t in one.thresholds]


def test_bootstrap_against_the_plain_way() -> None:
    """The counting trick equals drawing patients, pooling their images and taking numpy's quantile."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=60)
    patients = [f"P-{i // 3}" for i in range(60)]
    interval = bootstrap_interval(values, patients, 0.9, 4000, np.random.default_rng(1))
    names, owner = np.unique(patients, return_inverse=True)
    drawn = []
    for _ in range(4000):
        chosen = rng.integers(0, len(names), len(names))
        drawn.append(np.quantile(np.concatenate([values[owner == c] for c in chosen]), 0.9))
    assert interval == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.05)


def test_images_of_one_patient_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    level = rng.normal(size=20)
    values = np.repeat(level, 5) + 0.01 * rng.normal(size=100)
    alone = bootstrap_interval(values, [str(i) for i in range(100)], 0.8, 1000, np.random.default_rng(1))
    clustered = bootstrap_interval(
        values, [str(i // 5) for i in range(100)], 0.8, 1000, np.random.default_rng(1)
    )
    assert clustered[1] - clustered[0] > 1.3 * (alone[1] - alone[0])


def test_bootstrap_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values, patients = np.arange(30.0), [str(i // 2) for i in range(30)]
    whole = bootstrap_interval(values, patients, 0.9, 500, np.random.default_rng(1))
    monkeypatch.setattr("medsynth_desktop.guard.bootstrap.BLOCK", 30 * 7)
    assert bootstrap_interval(values, patients, 0.9, 500, np.random.default_rng(1)) == whole


def test_too_few_patients_are_told() -> None:
    made = thresholds_from(found_from([0.1 * i for i in range(8)]), records_of(8, 1000, "calibration"), 9)
    text = " ".join(made.warnings)
    assert "8 unseen patients are too few for the 98.3% quantile, which needs 59" in text
    assert "rest on 8 unseen patients" in text
    one = thresholds_from(found_from([0.5]), records_of(1, 1000, "calibration"), 9)
    assert threshold_of(one.policy("c"), "correlation").interval == (0.5, 0.5)


def test_many_scans_of_few_patients_are_few() -> None:
    made = thresholds_from(
        found_from([0.005 * i for i in range(100)]), records_of(100, 1, "calibration", 10), 9
    )
    assert "10 unseen patients are too few" in " ".join(made.warnings)


def test_copies_among_the_unseen_are_left_out_and_told() -> None:
    made = thresholds_from(found_from([0.5] * 9 + [1.0]), records_of(10, 1000, "calibration"), 9)
    assert threshold_of(made.policy("c"), "correlation").block == 0.5
    assert len(made.images) == 9
    assert "1 unseen images are copies" in made.warnings[0]
    with pytest.raises(InputRefused, match="worthless"):
        thresholds_from(found_from([1.0]), records_of(1, 1000, "calibration"), 9)


def test_undefined_ratio_gets_no_limit() -> None:
    made = thresholds_from(found_from([0.5, 0.6], math.nan), records_of(2, 1000, "calibration"), 9)
    assert {t.metric for t in made.thresholds} == {"correlation", "rmse"}
    assert any("Lowe's ratio is not defined because there is no other patient" in w for w in made.warnings)
    assert judge(found_from([0.4], math.nan)[0], made.policy("c")).verdict == "pass"


@pytest.mark.parametrize("quantile", [0.0, 0.4, 1.0, 2.0, math.nan])
def test_refuses_senseless_quantiles(quantile: float) -> None:
    images = images_of(np.random.default_rng(0), 2)
    with pytest.raises(InputRefused, match="quantile"):
        drain(
            calibrate(
                NearestSearch(images, records_of(2, 1, "train")),
                images,
                records_of(2, 5, "calibration"),
                quantile=quantile,
            )
        )


def test_refuses_patients_that_are_not_unseen_and_an_empty_split() -> None:
    images = images_of(np.random.default_rng(0), 3)
    with pytest.raises(InputRefused, match="1 patients are in both"):
        drain(
            calibrate(
                NearestSearch(images, records_of(3, 1, "train")), images, records_of(3, 3, "calibration")
            )
        )
    with pytest.raises(InputRefused, match="no calibration patients"):
        drain(calibrate(NearestSearch(images, records_of(3, 1, "train")), [], []))


def test_a_limit_lies_where_its_metric_may_spend_and_says_so() -> None:
    """Of 1.7% false blocks a metric beside the published three spends a tenth: 98.3% and 99.83%."""
    values = [i / 1000 for i in range(1000)]
    found = [
        replace(n, metrics={"aligned": v, "part": v}, disguises=())
        for n, v in zip(found_from(values), values, strict=True)
    ]
    made = thresholds_from(found, records_of(1000, 1000, "calibration"), 50, resamples=20)
    by_metric = {t.metric: t for t in made.thresholds}
    assert by_metric["correlation"].block == np.quantile(values, 0.983)
    assert by_metric["correlation"].quantile == 0.983
    assert by_metric["rmse"].block == np.quantile([1 - v for v in values], 1 - 0.983)
    assert by_metric["aligned"].block == pytest.approx(np.quantile(values, 0.9983), abs=1e-12)
    assert by_metric["aligned"].quantile == pytest.approx(0.9983)
    assert made.quantile == 0.983
    reasons = judge(replace(found[0], metrics={"aligned": 2.0, "part": 0.0}), made.policy("c")).reasons
    assert "which 99.8% of 1000 unseen images stay under" in reasons[0]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.983, "98.3%"), (0.9983, "99.8%"), (0.9999, "99.99%"), (0.99999, "99.999%"), (1, "100%")],
)
def test_less_than_all_is_never_called_all(share: float, words: str) -> None:
    assert percent(share) == words


def test_many_metrics_do_not_add_up_their_false_blocks() -> None:
    """Five independent metrics at 95% each would block 1 - 0.95^5 = 23% of innocents; three and two tenths, 15%."""
    rng = np.random.default_rng(6)
    metrics = [METRICS[key] for key in ("correlation", "rmse", "lowe_ratio", "aligned", "part")]
    table = {metric.key: rng.normal(size=1000) for metric in metrics}
    patients = [f"P-{i}" for i in range(1000)]
    full = share_blocked(table, patients, 0.95, [replace(metric, share=1.0) for metric in metrics])
    assert full == pytest.approx(1 - 0.95**5, abs=0.03)
    spent = share_blocked(table, patients, 0.95, metrics)
    assert spent == pytest.approx(1 - 0.95**3 * 0.995**2, abs=0.03)
    assert spent < full - 0.05


def test_the_published_metrics_lie_at_the_quantile_asked() -> None:
    for key in ("correlation", "rmse", "lowe_ratio"):
        assert METRICS[key].quantile(0.983) == 0.983
    for metric in METRICS:
        if metric.key not in ("correlation", "rmse", "lowe_ratio"):
            assert metric.share == 0.1, (
                f"{metric.key} would spend more of the false blocks than the house allows"
            )


def test_json_round_trip() -> None:
    made = thresholds_from(found_from([0.5, 0.6], math.nan), records_of(2, 1000, "calibration"), 9)
    text = json.dumps(made.to_json(), allow_nan=False)
    back = Calibration.from_json(json.loads(text))
    assert repr(back) == repr(made)
    assert back.policy("c") == made.policy("c")
    for broken in (
        {},
        {"thresholds": 3},
        {**json.loads(text), "more": 1},
        {**json.loads(text), "thresholds": [{}]},
    ):
        with pytest.raises(InputRefused, match="calibrate the cohort again"):
            Calibration.from_json(broken)


def test_share_of_innocents_held_back_by_hand() -> None:
    """Limits are the largest value of the others: only the one image beyond all others is blocked."""
    table = {
        key: np.array(v, float) for key, v in {"correlation": [0.1, 0.2, 0.3, 0.9], "rmse": [1] * 4}.items()
    }
    table["lowe_ratio"] = np.full(4, math.nan)
    assert share_blocked(table, list("abcd"), 0.999999) == 0.25
    table["rmse"][0] = 0.5
    assert share_blocked(table, list("abcd"), 0.999999) == 0.5
    assert share_blocked(table, list("aaad"), 0.999999) == 0.5, (
        "the limits of d block 1 of a, those of a block d"
    )
    assert math.isnan(share_blocked(table, list("aaaa"), 0.9))
