"""The audit end to end: planted copies are blocked and named wherever they stand, innocents pass."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Nearest, Neighbour, Threshold
from medsynth_desktop.guard.audit import AuditResult, audit_queries, passing
from medsynth_desktop.guard.calibration import calibrate
from medsynth_desktop.guard.conclusion import conclude
from medsynth_desktop.guard.policy import make_policy
from medsynth_desktop.guard.report import render_report
from medsynth_desktop.guard.unlike import apart_from_disguised, count_unlike, unlike_words
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.workbench.guarding import GuardState

COMMON = np.random.default_rng(99).standard_normal((10, 10, 10))


def images_of(seed: int, count: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((count, 10, 10, 10))
    return (0.2 * (COMMON + noise)).astype(np.float32)


def records_of(count: int, first: int = 1, scans: int = 1) -> list[ImageRecord]:
    return [
        ImageRecord(f"P-{first + i // scans:04d}-{1 + i % scans}", f"P-{first + i // scans:04d}", "train", "")
        for i in range(count)
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 11),
    st.randoms(use_true_random=False),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([0, 1e-4]),
)
def test_a_planted_copy_is_blocked_and_named(
    place: int, random, scans: int, unseen: int, noise: float
) -> None:
    """Wherever it stands, whatever the order, with scans of the same patient beside it, from 1 to 4 unseen patients."""
    train = images_of(1, 12)
    if scans > 1:  # the patient's other scans: nearly the same image
        for i in range(12):
            if i // scans == place // scans and i != place:
                train[i] = train[place] + np.float32(0.01) * images_of(50 + i, 1)[0]
    records = records_of(12, scans=scans)
    order = list(range(12))
    random.shuffle(order)
    shuffled, names = train[order], [records[i] for i in order]
    made = drain(
        calibrate(NearestSearch(shuffled, names), images_of(2, unseen), records_of(unseen, 500), resamples=50)
    )
    batch = images_of(3, 3)
    batch[1] = train[place] + np.float32(noise) * images_of(4, 1)[0]
    queries = [(f"S-{i}", image) for i, image in enumerate(batch)]
    result = drain(audit_queries(NearestSearch(shuffled, names), queries, made.policy("c"), made))
    verdict = result.verdicts[1]
    assert verdict.verdict == "block"
    assert verdict.reasons[0].startswith(f"It is a copy of {records[place].id} (")
    assert verdict.nearest.neighbours[0].image == records[place].id


@pytest.fixture(scope="module")
def audited() -> AuditResult:
    train, records = images_of(1, 40), records_of(40)
    made = drain(calibrate(NearestSearch(train, records), images_of(2, 25), records_of(25, 500)))
    batch = images_of(3, 24)
    batch[5], batch[9] = train[7], batch[2]
    queries = [(f"S-{i}", image) for i, image in enumerate(batch)]
    return drain(audit_queries(NearestSearch(train, records), queries, made.policy("c"), made))


def test_innocents_pass_and_the_copy_does_not(audited: AuditResult) -> None:
    assert sum(audited.counts.values()) == 24
    assert audited.verdicts[5].verdict == "block"
    assert audited.counts["block"] <= 8
    assert audited.counts["pass"] >= 8
    kept = passing(audited.verdicts, list(range(24)))
    assert 5 not in kept
    assert len(kept) == audited.counts["pass"]
    assert 1 <= audited.patients_hit <= 24
    assert audited.duplicates == (("S-2", "S-9"),)


def test_json_holds_the_contract(audited: AuditResult) -> None:
    document = json.loads(json.dumps(audited.to_json(), allow_nan=False))
    assert document["counts"] == audited.counts
    assert document["verdicts"][0]["id"] == "S-5"
    assert {"id", "verdict", "reasons", "metrics"} <= set(document["verdicts"][0])
    assert 0 <= document["js_hcc"] <= 1
    assert 0 <= document["js_lowe"] <= 1
    low, high = document["js_hcc_interval"]
    assert 0 <= low <= document["js_hcc"] <= high <= 1
    assert document["js_trusted"] == {"hcc": True, "lowe": True}
    assert document["link_risk"]["linked"] == audited.counts["block"]
    assert document["within"]["near_duplicates"] >= 2
    assert document["membership"] is None


def test_memorised_batch_diverges_more_than_an_innocent_one(audited: AuditResult) -> None:
    train, records = images_of(1, 40), records_of(40)
    copies = [(f"S-{i}", image + np.float32(0.02) * images_of(6, 1)[0]) for i, image in enumerate(train[:24])]
    search = NearestSearch(train, records)
    memorised = drain(audit_queries(search, copies, audited.policy, audited.calibration))
    assert memorised.counts["block"] == 24
    assert memorised.js_hcc.value == memorised.js_lowe.value == 1
    assert audited.js_hcc.value < 0.5
    assert memorised.patients_hit == 24


def test_images_that_resemble_nothing_are_told_but_judged_as_ever(audited: AuditResult) -> None:
    noise = np.random.default_rng(7).standard_normal((4, 10, 10, 10)).astype(np.float32)
    queries = [(f"S-{i}", image) for i, image in enumerate(noise)]
    search, policy = NearestSearch(images_of(1, 40), records_of(40)), audited.policy
    lost = drain(audit_queries(search, queries, policy, audited.calibration))
    told = lost.warnings[-1]
    assert told.startswith("4 of 4 images are less like any real image than every unseen patient is")
    assert lost.to_json()["warnings"][-1] == told
    assert [v.verdict for v in lost.verdicts] == [judge(v.nearest, policy).verdict for v in lost.verdicts]
    page = render_report(lost)
    assert html.escape(told) in page
    assert "do not speak of memorising" in page
    assert "A model that memorises" not in page
    page = render_report(audited)
    assert "A model that memorises" in page
    state = GuardState.build(policy, lost.calibration, {v.id: v.nearest for v in lost.verdicts})
    assert state.warnings == lost.warnings
    assert GuardState().warnings == ()


@pytest.mark.parametrize(
    ("batch", "unseen", "count"),
    [
        ([0.1, 0.2], [0.2, 0.3], 1),
        ([0.2, 0.9], [0.2, 0.3], 0),
        ([np.nan, 0.1], [np.nan, 0.3], 1),
        ([0.1], [], 0),
        ([0.1], [np.nan], 0),
        ([], [0.3], 0),
        ([-0.5, 0.0, 0.1], [0.3], 3),
    ],
)
def test_unlike_is_below_every_unseen_one(batch: list[float], unseen: list[float], count: int) -> None:
    sides = np.array(batch), np.array(unseen)
    assert count_unlike(*sides) == count
    assert unlike_words(*sides).startswith(f"{count} of {len(batch)} images " if count else "")
    assert bool(unlike_words(*sides)) == bool(count)


def test_a_copy_in_disguise_is_not_called_unlike_any_real_image() -> None:
    limits = [Threshold("correlation", 0.9, 0.9), Threshold("aligned", 0.3, 0.4)]
    values = {"correlation": np.array([0.5, 0.5, 0.95]), "aligned": np.array([0.9, 0.1, np.nan])}
    seen = apart_from_disguised(values, make_policy("c", limits))
    np.testing.assert_array_equal(seen, [np.nan, 0.5, 0.95])
    assert unlike_words(seen, np.array([0.8, 0.9])).startswith("1 of 3 images is less like")
    np.testing.assert_array_equal(apart_from_disguised(values, None), values["correlation"])


class Page(HTMLParser):
    """Collects tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [name for name, _ in attrs if name in ("src", "href", "onclick", "onload")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_report_is_whole_self_contained_and_escaped(audited: AuditResult) -> None:
    evil = replace(
        audited.verdicts[5],
        id="/home/someone/Doe^Jane/<script>alert(1)<&>.nii",
        reasons=("<img src=x onerror=alert(1)>",),
    )
    verdicts = (evil, *audited.verdicts[:5])
    undefined = replace(audited.js_lowe, value=float("nan"))
    text = render_report(
        replace(audited, verdicts=verdicts, js_lowe=undefined),
        title="<b>",
        facts=[("Batch", "first & <last>")],
    )
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.links == []
    assert not {"script", "img", "b>", "link", "iframe"} & set(page.tags)
    assert page.tags.count("svg") == 3
    assert "Doe^Jane" not in text
    assert "<dt>Batch</dt><dd>first &amp; &lt;last&gt;</dd><dt>Policy</dt>" in text
    assert "Of Lowe&#x27;s ratios: not defined." in text
    assert "What was not tested" in text
    assert "http" not in text.replace("http-equiv", "")
    assert len(re.findall(r'class="v (block|review|pass)"', text)) == 6


def test_the_report_says_whose_rmse_it_is(audited: AuditResult) -> None:
    nearest, other = Neighbour("P-0001-1", "P-0001", 0.3, 0.9), Neighbour("P-0002-1", "P-0002", 0.2, 0.8)

    def cell(neighbours: tuple[Neighbour, ...], rmse: float) -> str:
        found = Nearest("S-1", neighbours, 8 / 9, {"correlation": 0.9, "rmse": rmse, "lowe_ratio": 8 / 9})
        return render_report(replace(audited, verdicts=(judge(found, audited.policy),)))

    assert "<th>Smallest RMSE (any image)</th>" in cell((nearest,), 0.3)
    assert '<td class="n">0.300</td>' in cell((nearest, other), 0.3)
    assert '<td class="n">0.200<br>P-0002-1</td>' in cell((nearest, other), 0.2)
    assert '<td class="n">0.100<br>another image</td>' in cell((nearest, other), 0.1)


def test_the_report_names_metrics_of_no_image_in_a_line_and_not_in_columns(audited: AuditResult) -> None:
    """Nothing looked for disguises here, and no recognition was trained."""
    text = render_report(audited)
    table = text[text.index("Images, riskiest first") : text.index("What was not tested")]
    heads = re.findall("<th>([^<]*)</th>", table)
    assert heads[3:-1] == ["Correlation", "Lowe&#x27;s ratio", "Smallest RMSE (any image)", "p", "q"]
    line = next(
        part for part in re.findall('<p class="note">(.*?)</p>', table) if "Not defined here: " in part
    )
    for key in ("aligned", "part", "retrieval", "dictionary"):
        assert f"{METRICS[key].label} ({METRICS[key].undefined})" in line
    assert "Correlation" not in line
    lone = replace(audited.verdicts[0], metrics={**audited.verdicts[0].metrics, "aligned": 0.5})
    mixed = render_report(replace(audited, verdicts=(lone, *audited.verdicts[1:])))
    assert f"<th>{METRICS['aligned'].label}</th>" in mixed[mixed.index("Images, riskiest first") :]


def test_report_of_nothing_and_of_undefined_numbers(audited: AuditResult) -> None:
    nan = float("nan")
    text = render_report(replace(audited, verdicts=()))
    assert "No image was checked" in text
    lonely = replace(audited.verdicts[0], metrics={"correlation": nan, "rmse": nan, "lowe_ratio": nan})
    assert "Not defined here: " not in text
    alone = render_report(replace(audited, verdicts=(lonely,)))
    assert "Lowe&#x27;s ratio (because there is no other patient to compare with)" in alone
    half = replace(lonely, metrics={**lonely.metrics, "correlation": 0.5})
    assert '<td class="n">not defined</td>' in render_report(
        replace(audited, verdicts=(lonely, half, *audited.verdicts[2:]))
    )


def test_conclusion_in_plain_words(audited: AuditResult) -> None:
    by_name = {v.verdict: v for v in audited.verdicts}
    assert "must not leave" in conclude(audited.verdicts)
    noise = conclude(audited.verdicts, strays=[v.verdict for v in audited.verdicts].count("block"))
    assert "nearer to a real patient" not in noise
    assert "noise or failed images" in noise
    assert conclude((by_name["pass"],)).startswith("All 1 images are no nearer")
    review = judge(replace(by_name["pass"].nearest, lowe_ratio=float("nan")), audited.policy)
    assert conclude((review,)).startswith("None of 1 images is blocked; 1 need")
