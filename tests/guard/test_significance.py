"""p-values by hand, against their definition, and in the long run; discoveries keep their rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.guard.significance import (
    Significance,
    adjust,
    chance_words,
    measure_significance,
)
from medsynth_desktop.similarity import METRICS

NAN = float("nan")
PLAIN = ("correlation", "rmse", "lowe_ratio", "aligned", "part")


def names(count: int) -> list[str]:
    return [f"P-{i}" for i in range(count)]


def table(values: np.ndarray) -> dict[str, np.ndarray]:
    """(n, m) risks, more is riskier, as values of the first m metrics."""
    signs = [1 if METRICS[key].direction == "high" else -1 for key in PLAIN]
    return {key: sign * column for key, sign, column in zip(PLAIN, signs, values.T, strict=False)}


def by_definition(null: np.ndarray, sample: np.ndarray) -> float:
    """The p-value over all metrics, written out: (K, M) risks of patients and (M,) of a sample, all alike."""
    pool = np.concatenate([null, sample[None]])
    ranks = np.array(
        [[sum(pool[:, m] >= pool[i, m]) for m in range(pool.shape[1])] for i in range(len(pool))]
    )
    spread = pool.std(axis=0)
    away = ((pool - pool.mean(axis=0)) / np.where(spread > 0, spread, np.inf)).max(axis=1)
    first, own = ranks.min(axis=1), away[-1] - 1e-9
    return sum((first < first[-1]) | ((first == first[-1]) & (away >= own))) / len(pool)


def test_one_metric_by_hand() -> None:
    """Four patients 0.1 to 0.4: 0.25 has two as high, of five with itself that is 3/5; ties count."""
    unseen = {"correlation": [0.1, 0.2, 0.3, 0.4]}
    made = measure_significance({"correlation": np.array([0.25, 0.3, 0.9, 0.0])}, unseen, names(4))
    assert made.by_metric["correlation"].tolist() == [3 / 5, 3 / 5, 1 / 5, 5 / 5]
    assert made.p_values.tolist() == [3 / 5, 3 / 5, 1 / 5, 5 / 5]
    assert made.patients == 4
    assert made.smallest == 1 / 5


def test_low_is_risky_where_the_metric_says_so() -> None:
    made = measure_significance({"rmse": np.array([0.05, 0.35])}, {"rmse": [0.1, 0.2, 0.3]}, names(3))
    assert made.p_values.tolist() == [1 / 4, 4 / 4]


def test_two_metrics_by_hand() -> None:
    """First in one metric only: the patient who is first in the other is as good, unless the sample stands out more."""
    unseen = {"correlation": [0.1, 0.2, 0.3], "part": [0.1, 0.2, 0.3]}
    batch = {"correlation": np.array([0.31, 0.9]), "part": np.array([0.15, 0.15])}
    made = measure_significance(batch, unseen, names(3))
    assert made.by_metric["correlation"].tolist() == [1 / 4, 1 / 4]
    assert made.by_metric["part"].tolist() == [3 / 4, 3 / 4]
    assert made.p_values.tolist() == [2 / 4, 1 / 4]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 5), st.booleans())
def test_as_defined(seed: int, patients: int, metrics: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    draw = (
        (lambda n: rng.integers(0, 4, (n, metrics)) / 8)
        if ties
        else (lambda n: rng.normal(size=(n, metrics)))
    )
    null, batch = draw(patients), draw(6)
    made = measure_significance(table(batch), table(null), names(patients))
    assert made.p_values == pytest.approx([by_definition(null, sample) for sample in batch])


def test_p_values_are_valid_over_all_metrics_together() -> None:
    """Over 2,000 innocent images at 39 patients and five metrics, two of them nearly the same."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(2000):
        values = rng.standard_t(3, (40, 5))
        values[:, 1] = values[:, 0] + 0.1 * rng.normal(size=40)
        made = measure_significance(table(values[:1]), table(values[1:]), names(39))
        found.append(made.p_values[0])
    shares = {level: float(np.mean(np.array(found) <= level)) for level in (0.025, 0.05, 0.1, 0.25, 0.5)}
    for level, share in shares.items():
        assert share <= level + 3 * np.sqrt(level * (1 - level) / 2000), shares
    assert shares[0.1] > 0.08, "and no weaker than they need be"


def test_leaving_out_the_patients_alone_would_not_be_valid() -> None:
    """What the sample's place among the patients is for: without it 11% of innocents had p at most 5%."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(2000):
        values = rng.normal(size=(40, 5))
        null, sample = values[1:], values[0]
        own = min((1 + sum(null[:, m] >= sample[m])) / 40 for m in range(5))
        others = ((null[None] >= null[:, None]).sum(axis=1) / 39).min(axis=1)
        hits += (1 + sum(others <= own)) / 40 <= 0.05
    assert hits / 2000 > 0.1


def test_discoveries_keep_their_rate() -> None:
    """40 innocents beside 10 copies that one metric of five sees; 199 patients; 200 batches."""
    rng = np.random.default_rng(3)
    shares, power = [], []
    for _ in range(200):
        batch, null = rng.normal(size=(50, 5)), rng.normal(size=(199, 5))
        batch[:10, rng.integers(0, 5)] += 5
        found = measure_significance(table(batch), table(null), names(199), fdr=0.2).discovered
        shares.append(found[10:].sum() / max(1, found.sum()))
        power.append(found[:10].mean())
    assert np.mean(shares) <= 0.2
    assert np.mean(power) > 0.9


def test_no_discoveries_in_an_innocent_batch() -> None:
    """Where all are innocent, any discovery is false: at most a fifth of the batches may have one."""
    rng = np.random.default_rng(4)
    any_found = []
    for _ in range(200):
        batch, null = rng.normal(size=(20, 5)), rng.normal(size=(199, 5))
        any_found.append(measure_significance(table(batch), table(null), names(199), fdr=0.2).discoveries > 0)
    assert np.mean(any_found) <= 0.2 + 3 * np.sqrt(0.2 * 0.8 / 200)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(0, 1), max_size=30))
def test_q_values_are_scipys(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values) if p_values else []
    assert adjust(np.array(p_values)) == pytest.approx(expected, abs=1e-12)


def test_q_values_leave_out_what_has_no_p_value() -> None:
    """Of 0.01 and 0.04 in two: 0.01 x 2 / 1 and 0.04 x 2 / 2."""
    assert adjust(np.array([0.04, NAN, 0.01])) == pytest.approx([0.04, NAN, 0.02], nan_ok=True)


def test_a_patient_counts_once_by_the_riskiest_image() -> None:
    """Six images of three patients, whose riskiest are 0.9, 0.2 and 0.3."""
    unseen = {"correlation": [0.1, 0.1, 0.1, 0.9, 0.2, 0.3]}
    made = measure_significance({"correlation": np.array([0.25, 0.95])}, unseen, list("aaaabc"))
    assert made.patients == 3
    assert made.p_values.tolist() == [3 / 4, 1 / 4]


def test_repeats_of_one_patient_do_not_make_p_values_invalid() -> None:
    """Patients differ more than their images do; a new patient's only image, against 19 patients of 1 to 9 images."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(1500):
        owner = np.repeat(np.arange(19), rng.integers(1, 10, 19))
        level = rng.normal(size=(20, 2))
        null = level[owner] + 0.3 * rng.normal(size=(len(owner), 2))
        sample = level[19] + 0.3 * rng.normal(size=2)
        made = measure_significance(table(sample[None]), table(null), [f"P-{i}" for i in owner])
        found.append(made.p_values[0])
    assert np.mean(np.array(found) <= 0.1) <= 0.1 + 3 * np.sqrt(0.09 / 1500)


def test_not_defined_is_riskiest() -> None:
    """No patient's ratio is undefined but the sample's is: 1/4; one of three patients' is too: 2/4."""
    batch = {"correlation": np.array([0.0]), "lowe_ratio": np.array([NAN])}
    unseen = {"correlation": [0.1, 0.2, 0.3], "lowe_ratio": [0.9, 0.8, 0.7]}
    assert measure_significance(batch, unseen, names(3)).by_metric["lowe_ratio"].tolist() == [1 / 4]
    unseen["lowe_ratio"] = [0.9, NAN, 0.7]
    assert measure_significance(batch, unseen, names(3)).by_metric["lowe_ratio"].tolist() == [2 / 4]


def test_a_metric_that_no_patient_has_does_not_count() -> None:
    unseen = {"correlation": [0.1, 0.2], "lowe_ratio": [NAN, NAN]}
    made = measure_significance(
        {"correlation": np.array([0.3]), "lowe_ratio": np.array([0.1])}, unseen, names(2)
    )
    assert list(made.by_metric) == ["correlation"]
    assert made.p_values.tolist() == [1 / 3]


def test_an_optional_metric_that_was_not_looked_for_leaves_no_p_value() -> None:
    """The first sample was searched by an older program that knew no parts."""
    unseen = {"correlation": [0.1, 0.2, 0.3], "part": [0.1, 0.2, 0.3]}
    batch = {"correlation": np.array([0.9, 0.9]), "part": np.array([NAN, 0.9])}
    made = measure_significance(batch, unseen, names(3))
    assert made.p_values == pytest.approx([NAN, 1 / 4], nan_ok=True)
    assert made.tested == 1
    assert made.discovered.tolist() == [False, False]
    assert measure_significance({"correlation": np.array([0.9])}, unseen, names(3)).tested == 0


def test_too_few_patients_are_told() -> None:
    """59 patients: the smallest p is 1/60. BH at 5% finds k of 100 where p <= k 5% / 100: 34 of them at least."""
    made = Significance({}, np.full(100, 1 / 60), 59)
    assert made.fewest == 34
    assert made.patients_needed == 1999
    assert "none of 100 images can be discovered unless at least 34 of them are riskier" in made.limitation
    assert "no p-value is below 1/60" in made.limitation
    at_limit = [
        Significance({}, np.array([1 / 60] * k + [1.0] * (100 - k)), 59).discoveries for k in (33, 34)
    ]
    assert at_limit == [0, 34]
    assert "however like a copy" in Significance({}, np.full(3, 1 / 10), 9).limitation
    enough = Significance({}, np.array([1 / 2000] + [1.0] * 99), 1999)
    assert (enough.fewest, enough.discoveries, enough.limitation) == (1, 1, "")
    assert enough.sentence.startswith("1 of 100 images look more like a copy than chance")
    assert Significance({}, np.array([1 / 1999] + [1.0] * 99), 1998).discoveries == 0


def test_nothing_to_compare() -> None:
    empty = measure_significance({}, {"correlation": [0.1]}, names(1))
    assert (empty.p_values.shape, empty.sentence, empty.discoveries) == ((0,), "", 0)
    alone = measure_significance({"correlation": np.array([0.9])}, {}, ())
    assert np.isnan(alone.p_values).all()
    assert alone.sentence.startswith("No unseen patients")


@pytest.mark.parametrize("fdr", [0.0, 1.0, -1.0, NAN])
def test_refuses_a_rate_that_is_none(fdr: float) -> None:
    with pytest.raises(InputRefused, match="false-discovery rate is a share"):
        measure_significance({}, {}, (), fdr)


def test_text_of_chance() -> None:
    assert [chance_words(v) for v in (1.0, 1 / 60, 0.0004567, NAN)] == [
        "1.000",
        "0.017",
        "0.00046",
        "not defined",
    ]
