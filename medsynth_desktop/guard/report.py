"""The audit as one HTML file that needs nothing else: no script, no link, no image from elsewhere.

Every word that comes from a record is escaped, and a policy in the page forbids it to load or run anything; pictures
stand in the page itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import PurePath

import numpy as np

from medsynth_desktop.core.records import Policy, Threshold, Verdict
from medsynth_desktop.guard.audit import AuditResult
from medsynth_desktop.guard.calibration import Calibration
from medsynth_desktop.guard.conclusion import (
    conclude,
    divergence_words,
    membership_words,
    memorisation,
    not_tested,
)
from medsynth_desktop.guard.histogram import draw_histogram
from medsynth_desktop.guard.matched import preparation_words
from medsynth_desktop.guard.order import riskiest_first
from medsynth_desktop.guard.policy import threshold_of
from medsynth_desktop.guard.report_pictures import PairPictures, draw_pairs
from medsynth_desktop.guard.significance import Significance, chance_words
from medsynth_desktop.guard.verdicts import VERDICTS, percent
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.base import Metric

HEADS = {"rmse": "Smallest RMSE (any image)"}
"""Column heads that say more than the metric's name: that RMSE need not be the nearest image's."""

CHANCE = (
    "p: how often an innocent image would look at least as much like a copy, by any metric; q: the false-discovery "
    "rate at which this image would be among the discovered ones."
)
"""What the columns of chance mean."""

WORDS = {"pass": "Pass", "review": "Review", "block": "Block"}

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}dl.meta{color:#57606a;
margin:0;display:grid;grid-template-columns:max-content 1fr;gap:0 1rem}dl.meta dd{margin:0}
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.35rem .6rem;
border-bottom:1px solid #d8dee4;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.counts{display:flex;gap:1rem;margin:1rem 0}.counts div{flex:1;border:1px solid #d8dee4;border-left-width:.5rem;
padding:.5rem 1rem}.counts b{display:block;font-size:1.6rem}.pass{border-left-color:#1a7f37}
.review{border-left-color:#9a6700}.block{border-left-color:#cf222e}td.v{border-left:.4rem solid #fff;font-weight:600}
td.v.pass{border-left-color:#1a7f37}td.v.review{border-left-color:#9a6700}td.v.block{border-left-color:#cf222e}
p.finding{border:1px solid #d8dee4;border-left-width:.5rem;padding:.5rem 1rem}p.alarm{border-left-color:#cf222e}
p.caution{border-left-color:#9a6700}.warning{border:1px solid #9a6700;padding:.5rem 1rem}
.pair{display:flex;gap:.5rem}.pair div{flex:1;font-size:.9rem;color:#57606a}.pair img{display:block;width:100%}
figure{margin:1rem 0}figcaption,.note{color:#57606a;font-size:.9rem}svg{width:100%;height:auto}
@media print{body{margin:0;max-width:none}tr,figure,table.short{break-inside:avoid}
h2,p.head{break-after:avoid}}
"""


def render_report(
    result: AuditResult,
    *,
    title: str = "Privacy audit",
    facts: Sequence[tuple[str, str]] = (),
    pairs: Sequence[PairPictures] = (),
    sections: Sequence[str] = (),
) -> str:
    """Write the audit of one batch as an HTML page.

    Parameters
    ----------
    result
        What was found; images are shown riskiest first.
    title, facts
        Heading, and under it names with values: what was audited against what, when, by whom and with what.
    pairs
        Riskiest samples beside real images, as pictures; a page with any says that it holds patients' images.
    sections
        HTML of rooms above this one, already escaped; before what was not tested.
    """
    verdicts, policy, calibration = result.verdicts, result.policy, result.calibration
    parts = [
        f"<h1>{escape(title)}</h1>",
        render_facts([*facts, ("Policy", policy.hash[:16])]),
        _conclusion(result),
        _list("Cautions", result.warnings),
        _list("Risk that a released image links to a patient", result.link_risk.sentences(result.drawn)),
        draw_pairs(pairs),
        _limits(policy, calibration, result.drawn),
        _figures(result),
        _list(f"How far {_whole(result)} from unseen patients", _batch_words(result)),
        _list(
            "Membership: does the model give away whom it learnt from?",
            membership_words(result.membership, result.drawn),
        ),
        _verdicts(verdicts, result.significance),
        *sections,
        _list("What was not tested, and within which limits the rest was", not_tested(result)),
    ]
    return render_page(title, parts)


def render_page(title: str, parts: Sequence[str]) -> str:
    """One self-contained page of ``parts``, HTML that is already escaped."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src data:">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(filter(None, parts))
        + "\n</body></html>\n"
    )


def render_facts(facts: Sequence[tuple[str, str]]) -> str:
    """Names with values, as they stand under a heading."""
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f'<dl class="meta">{lines}</dl>'


def _conclusion(result: AuditResult) -> str:
    counts = result.counts
    boxes = "".join(f'<div class="{n}"><b>{counts[n]}</b>{WORDS[n]}</div>' for n in VERDICTS)
    found = memorisation(result)
    head, *more = found.sentences
    return (
        f"<h2>Conclusion</h2><p>{escape(conclude(result.verdicts, result.link_risk.strays))}</p>"
        f'<div class="counts">{boxes}</div>'
        f'<p class="finding {found.level}"><b>{escape(head)}</b> {escape(" ".join(more))}</p>'
    )


def _list(heading: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    return f"<h2>{escape(heading)}</h2><ul>{''.join(f'<li>{escape(s)}</li>' for s in sentences)}</ul>"


def _whole(result: AuditResult) -> str:
    return "the batch lies" if result.drawn else "these images lie"


def _limits(policy: Policy, calibration: Calibration, drawn: bool) -> str:
    rows = "".join(_limit(METRICS[t.metric], t) for t in policy.thresholds if t.metric in METRICS)
    foot = (
        f"{len(calibration.images)} images of {len(set(calibration.patients))} unseen patients were compared with "
        f"{calibration.train_images} training images in the same way."
    )
    if prepared := preparation_words(calibration):
        foot += f" {prepared}"
    if calibration.false_blocks == calibration.false_blocks:
        foot += (
            f" Judged by the calibrated limits of the others, {100 * calibration.false_blocks:.0f}% of these innocent "
            f"images would be blocked: expect about as many innocent {'synthetic ' if drawn else ''}ones to be held "
            "back."
        )
    return (
        "<h2>Limits</h2><table><thead><tr><th>Metric</th><th>Risky side</th><th>Review from</th><th>Block from</th>"
        f'<th>Where from</th></tr></thead>{rows}</table><p class="note">{escape(foot)}</p>'
    )


def _limit(metric: Metric, threshold: Threshold) -> str:
    if threshold.origin == "typed":
        origin = f"typed by {threshold.who or 'an unnamed person'}: {threshold.why or 'no reason given'}"
    else:
        low, high = threshold.interval or (threshold.block, threshold.block)
        origin = (
            f"from {threshold.n} unseen images, so that about {percent(threshold.quantile or 0)} of innocent "
            "ones are on the safe side "
            f"(95% interval of the limit {metric.format(low)} to {metric.format(high)})"
        )
        if threshold.who:
            origin += f"; {threshold.who} lifted a typed limit: {threshold.why}"
    cells = [
        metric.label,
        metric.direction,
        metric.format(threshold.review),
        metric.format(threshold.block),
        origin,
    ]
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _figures(result: AuditResult) -> str:
    verdicts, policy, calibration = result.verdicts, result.policy, result.calibration
    parts = []
    for metric in METRICS:
        batch = np.array([verdict.metrics.get(metric.key, np.nan) for verdict in verdicts], float)
        unseen = np.array(calibration.values.get(metric.key, ()), float)
        drawing = draw_histogram(metric, batch, unseen, threshold_of(policy, metric.key))
        if drawing:
            caption = f"{metric.label}. {metric.description}"
            parts.append(f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>")
    shown = "This batch" if result.drawn else "These images"
    return f"<h2>{shown} against unseen patients</h2>{''.join(parts)}" if parts else ""


def _batch_words(result: AuditResult) -> tuple[str, ...]:
    hit = f"The images' nearest real ones belong to {result.patients_hit} different patients."
    return (*divergence_words(result), hit, *filter(None, [result.within.sentence()]))


def _verdicts(verdicts: Sequence[Verdict], significance: Significance) -> str:
    shown = [m for m in METRICS if any(math.isfinite(v.metrics.get(m.key, math.nan)) for v in verdicts)]
    names = (HEADS.get(m.key, m.label) for m in shown)
    heads = ["Image", "Verdict", "Nearest real", *names, "p", "q", "Reasons"]
    chances = np.column_stack([significance.p_values, significance.q_values])
    rows = "".join(_verdict(verdicts[i], shown, *chances[i].tolist()) for i in riskiest_first(verdicts))
    head = "".join(f"<th>{escape(word)}</th>" for word in heads)
    foot = " ".join(filter(None, [_left_out(shown) if verdicts else "", CHANCE, significance.sentence]))
    return (
        f"<h2>Images, riskiest first</h2><table><thead><tr>{head}</tr></thead>{rows}</table>"
        f'<p class="note">{escape(foot)}</p>'
    )


def _left_out(shown: Sequence[Metric]) -> str:
    """Name the metrics that are defined of no image, and why, in place of columns of dashes."""
    told = [f"{m.label} ({m.undefined})" if m.undefined else m.label for m in METRICS if m not in shown]
    return f"Not defined here: {', '.join(told)}." if told else ""


def _verdict(verdict: Verdict, shown: Sequence[Metric], p_value: float, q_value: float) -> str:
    # An image given by its path is shown by its name: folders of this machine are nobody else's business.
    name = PurePath(verdict.id.replace("\\", "/")).name
    nearest = verdict.nearest.neighbours[0].image if verdict.nearest.neighbours else "none"
    values = "".join(f'<td class="n">{_value(m, verdict)}</td>' for m in shown)
    reasons = "<br>".join(escape(reason) for reason in verdict.reasons)
    return (
        f'<tr><td>{escape(name)}</td><td class="v {verdict.verdict}">{WORDS[verdict.verdict]}</td>'
        f'<td>{escape(nearest)}</td>{values}<td class="n">{chance_words(p_value)}</td>'
        f'<td class="n">{chance_words(q_value)}</td><td>{reasons}</td></tr>'
    )


def _value(metric: Metric, verdict: Verdict) -> str:
    """A value, and whose it is where that is another image than the nearest one."""
    value, first = verdict.metrics.get(metric.key, math.nan), verdict.nearest.neighbours[:1]
    words = escape(metric.format(value))
    whose = metric.neighbour(verdict.nearest)
    image = whose.image if whose else "another image"
    if not first or image == first[0].image or not math.isfinite(value):
        return words
    return f"{words}<br>{escape(image)}"
