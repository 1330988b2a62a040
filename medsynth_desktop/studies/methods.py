"""The methods paragraph of a study: what was done, in the words of a paper, made of what the study holds."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

from medsynth_desktop.studies.preparing import DARK, LEVELS
from medsynth_desktop.studies.results import Results, good_option
from medsynth_desktop.studies.statistics.multireader import RESAMPLES
from medsynth_desktop.studies.statistics.ordinal_mixed import LIMITS
from medsynth_desktop.studies.table import counted_cases


def methods_words(results: Results, frozen: str, program: str, seed: int) -> list[str]:
    """Sentences on design, reading and statistics.

    ``frozen`` is when the first reader started, ISO 8601, and ``seed`` the bootstrap's.
    """
    last = f"No correction for multiple comparisons was made. Computed by {program}, seed of the bootstrap {seed}."
    return [_design(results), _preparation(results), _reading(results, frozen), *_statistics(results), last]


def _design(results: Results) -> str:
    study = results.study
    design, cases = study.design, counted_cases(study)
    synthetic = sum(case.synthetic for case in cases)
    training = len(design.cases) - len(cases)
    repeats = max(sum(s.repeat for s in order) for order in study.orders.values())
    words = (
        f"{_number(len(design.readers), 'reader')} each judged {len(cases)} cases, {synthetic} synthetic and "
        f"{len(cases) - synthetic} real, blinded to origin and to each other's answers. "
    )
    if training:
        words += f"{_number(training, 'further case')} came first for training, not counted. "
    words += (
        f"Each reader saw the cases in an order of their own, shuffled within blocks of {design.block} with both kinds "
        f"in nearly equal proportion (pseudorandom, seed {design.seed})"
    )
    words += f"; {repeats} cases were shown again unannounced after all others. " if repeats else ". "
    asked = [q for q in design.questions if q.asked]
    forms = ", ".join(f"{q.text.rstrip('?')} ({_form(q.form, len(q.options))})" for q in asked)
    comment = " Readers could comment on any case." if len(asked) < len(design.questions) else ""
    return words + f"The questions were: {forms}.{comment}"


def _form(form: str, options: int) -> str:
    return f"{options} options from worst to best" if form == "likert" else form.replace("-", " ")


def _preparation(results: Results) -> str:
    prepared = results.study.design.preparation
    grid = " x ".join(str(n) for n in prepared.shown)
    ends = (
        f"intensities of each image from its {DARK:.0%} quantile inside the body to its {1 - prepared.bright:.1%} "
        "quantile"
        if prepared.bright
        else f"intensities cut to the range that every case reaches ({(prepared.low + 1) / 2:.1%} to "
        f"{(prepared.high + 1) / 2:.1%} of the range of the cohort)"
    )
    air = (
        f"air around the body (up to {prepared.floor:.0%} of the range) set to one level, "
        if prepared.floor
        else ""
    )
    noise = (
        f"uniform noise as wide as the coarsest step of any image ({prepared.step / 2:.2%} of the range) added, "
        if prepared.step
        else ""
    )
    spacing = f" of {abs(prepared.affine[0][0]):g} mm" if prepared.spaced else ""
    return (
        f"Real and synthetic images were prepared alike: one grid of {grid} voxels{spacing}, {ends}, {air}{noise}rows "
        f"and slices left out that are empty at the border of any case, and stored in {LEVELS + 1} equal steps, "
        "without header, name or metadata."
    )


def _reading(results: Results, frozen: str) -> str:
    design = results.study.design
    rules = [
        ("go back to earlier cases", design.may_go_back),
        ("change an answer to the case at hand", design.may_change),
        ("change the window", design.may_window),
    ]
    may = [words for words, allowed in rules if allowed]
    not_ = [words for words, allowed in rules if not allowed]
    said = f"The design was fixed before the first reader started ({frozen or 'no reader has started yet'})."
    said += f" Readers could {' and '.join(may)}." if may else ""
    said += f" They could not {' or '.join(not_)}." if not_ else ""
    incomplete = [f"{r} {d} of {len(results.study.orders[r])}" for r, d in results.done.items()
                  if d < len(results.study.orders[r])]  # fmt: skip
    if incomplete:
        said += f" Not all cases were read ({', '.join(incomplete)} showings); missing answers were left out."
    return said


def _statistics(results: Results) -> Sequence[str]:
    forms = {q.form for q in results.study.design.questions}
    said = [
        "All intervals are 95% intervals. Answers to training cases are left out, and those to repeats enter only the "
        "agreement of readers with themselves."
    ]
    if "likert" in forms:
        asked = [q for q in results.study.design.questions if q.form == "likert"]
        goods = sorted({ascii_uppercase[good_option(question) - 1] for question in asked})
        said.append(
            f"Shares of options, and of {' or '.join(goods)} and better, have Wilson's interval; those of all readers "
            "together use the effective number of answers, clustered on cases."
        )
        said.append(
            "Agreement between readers is given as raw agreement, Cohen's kappa with linear and quadratic weights "
            "(mean of pairs), Krippendorff's ordinal alpha, Gwet's AC1 and AC2 (quadratic weights), with jackknife or "
            "linearised standard errors, and the intraclass correlations of Shrout and Fleiss; agreement of readers "
            "with themselves from the repeats."
        )
        said.append(
            "Synthetic and real cases were compared for each reader by Mann and Whitney's test with the probability of "
            "superiority, over readers by its mean (Obuchowski and Rockette's analysis of variance; bootstrap over "
            f"readers and cases, {RESAMPLES} resamples), and by an ordinal mixed model. {LIMITS}"
        )
    if "real-or-synthetic" in forms:
        said.append(
            "Recognition is given as accuracy, sensitivity and specificity (synthetic the positive kind) and the area "
            "under the empirical ROC curve of signed confidence (DeLong), with means over readers by Obuchowski and "
            f"Rockette's analysis and by the bootstrap over readers and cases ({RESAMPLES} resamples)."
        )
    return said


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
