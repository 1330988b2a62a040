"""Copies in disguise: found at one per cent of false blocks, beside correlation, Lowe's ratio and a dictionary.

Real images of ../shared/data (chest X-rays, heads), imported as the program imports them, divided by patient: training,
calibration (limits), evaluation (false blocks). Copies of training images are planted in every disguise of
`tests.benchmarks.disguises.planting`. All ways are judged by one rule (`tests.benchmarks.disguises.limits`): limits
that block one per cent of the calibration patients' images, as they are and in the same disguises.

`python -m tests.benchmarks.bench_disguises --help` names sizes, folds and the folder in which answers are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from medsynth_desktop.similarity.base import Witness
from tests.benchmarks.disguises import reporting
from tests.benchmarks.disguises.asking import ask
from tests.benchmarks.disguises.patients import SOURCES, Patients, Sizes, divided, imported
from tests.benchmarks.disguises.planting import PARTS, SCANNED, WHOLE, Query, copies, innocents
from tests.benchmarks.disguises.reporting import ADDED, Answers, ablation_row, markdown, seconds_of
from tests.benchmarks.disguises.searches import all_witnesses, thinned, variants
from tests.benchmarks.disguises.stages import Tracing


@dataclass(frozen=True)
class Plan:
    """How much is asked of one data set.

    ``innocents`` is how often each unseen image is asked, once as it is; ``copies``, ``parts`` and ``scanned`` are so
    many of each disguise; ``repeats`` training patients get simulated further scans; ``ablation`` asks the variants.
    ``recognition`` trains retrieval and verification for so many steps (0: not asked); ``weights`` is a VGG16 in ONNX
    format, None for that of an installed package. ``trace`` is of how many missed copies it is told where the search
    lost them.
    """

    data: str
    sizes: Sizes
    grid: tuple[int, ...] | None = None
    innocents: int = 4
    copies: int = 16
    parts: int = 24
    scanned: int = 12
    repeats: int = 0
    ablation: bool = True
    recognition: int = 0
    weights: Path | None = None
    trace: int = 0


PLANS = (
    Plan("cxr", Sizes(300, 150, 150), innocents=4, copies=16, parts=24, scanned=12),
    Plan("heads", Sizes(60, 30, 31), (64, 80, 64), innocents=5, copies=8, parts=16, scanned=8, repeats=15),
)
"""About so much as two quiet cores answer in a quarter of an hour each; more by the options."""


def run(plans: tuple[Plan, ...] = PLANS, cache: Path | None = None) -> dict[str, Any]:
    """Ask everything of every data set that is there.

    Returns
    -------
    dict
        By data set ``facts`` and the tables ``detection``, ``scanned``, ``false blocks``, ``ablation``, each a list of
        rows, and ``missed``: the copies that ours did not block.
    """
    document: dict[str, Any] = {}
    with nullcontext(cache) if cache else tempfile.TemporaryDirectory() as folder:
        for plan in plans:
            if not SOURCES[plan.data][0].exists():
                sys.stderr.write(
                    f"{plan.data}: skipped, its images are not at {SOURCES[plan.data][0].name}.\n"
                )
                continue
            document[plan.data] = compare(plan, Path(folder))
    return document


def compare(plan: Plan, cache: Path) -> dict[str, Any]:
    """Ask everything of one data set."""
    home = imported(plan.data, cache, plan.grid)
    patients = divided(*home, plan.sizes, plan.repeats)
    queries = planned(plan, patients)
    witnesses = all_witnesses(home, patients, plan.weights, plan.recognition)
    answers = Answers.of(queries, ask(patients, queries, witnesses, cache / "answers"))
    made = reporting.rules(answers)
    document = {
        "facts": facts(plan, patients, answers, made),
        "detection": [
            *reporting.detection(answers, made, "whole", "all whole images"),
            *reporting.detection(answers, made, "part", "all parts"),
        ],
        "scanned": reporting.detection(
            answers, {**made, **by_column(answers)}, "scanned", "all, of patients with 2 to 5 scans"
        ),
        "false blocks": reporting.false_blocks(answers, made),
        "ablation": [
            ablation_row(name, answers, columns, seconds_of(answers, asked(columns, witnesses)))
            for name, columns in {"all of ours": tuple(made["ours"].innocent), **ADDED}.items()
            if set(columns) <= set(answers.columns)
            and (name == "all of ours" or set(columns) != set(made["ours"].innocent))
        ],
        "missed": missed(answers, made["ours"], patients, plan.trace),
    }
    if plan.ablation:
        document["parts of the search"] = searched(patients, answers, cache)
    return document


def asked(columns: Sequence[str], witnesses: Sequence[Witness]) -> list[str]:
    """The searches that must be asked for ``columns``."""
    names = ["+".join(w.keys) for w in witnesses if set(w.keys) & set(columns)]
    told = {key for w in witnesses for key in w.keys}
    return [*(["exact"] if set(columns) - told else []), *names]


def planned(plan: Plan, patients: Patients) -> list[Query]:
    """Everything that is asked."""
    alone, again = patients.train.of_patients(1, 1), patients.train.of_patients(2, 5)
    return [
        *innocents("calibration", patients.calibration, plan.innocents),
        *innocents("evaluation", patients.evaluation, plan.innocents),
        *copies("whole", WHOLE, patients, plan.copies, alone),
        *copies("part", PARTS, patients, plan.parts, alone),
        *(copies("scanned", SCANNED, patients, plan.scanned, again) if again else ()),
    ]


def by_column(answers: Answers) -> dict[str, reporting.Rule]:
    """Our ratio, between patients, alone: beside the published one."""
    innocents = answers.where("calibration")
    made_of = [query.source for query in innocents.queries]
    rule = reporting.Rule.of(reporting.risky(innocents.lines), ["lowe_ratio"], made_of)
    return {"ratio between patients alone": rule}


def facts(
    plan: Plan, patients: Patients, answers: Answers, made: dict[str, reporting.Rule]
) -> dict[str, Any]:
    """Sizes, limits, and how often a block names the right patient."""
    patient_of = {
        q.id: patients.train.records[q.source].patient for q in answers.queries if q.role[0] in "wps"
    }
    copied = {
        role: reporting.named_rightly(answers.where(role), made["ours"], patient_of)
        for role in ("whole", "part")
    }
    return {
        "grid": list(patients.grid),
        "training images": len(patients.train.images),
        "training patients": len(patients.train.first_of_each()),
        "calibration patients": len(patients.calibration.images),
        "calibration images": len(answers.where("calibration").lines),
        "evaluation patients": len(patients.evaluation.images),
        "evaluation images": len(answers.where("evaluation").lines),
        "fold": plan.sizes.fold,
        "rank of ours": made["ours"].rank,
        "limits of ours": {key: round(value, 4) for key, value in made["ours"].limits().items()},
        "blocked copies whose patient is named": copied,
    }


def searched(patients: Patients, answers: Answers, cache: Path) -> reporting.Table:
    """The ablation of the search itself, on every third query: all of it beside variants that leave a part out."""
    queries = thinned(answers.queries)
    columns = ("correlation", "rmse", "lowe_ratio", "aligned", "part")
    lines = {line["id"]: line for line in answers.lines}
    rows = []
    same = Answers.of(queries, lines)
    rows.append(ablation_row("the search as it is", same, columns, seconds_of(same, ["aligned+part"])))
    for name, search in variants(patients).items():
        found = Answers.of(queries, ask(patients, queries, [search], cache / "answers"))
        rows.append(ablation_row(name, found, columns, seconds_of(found, ["+".join(search.keys)])))
    return rows


def missed(answers: Answers, rule: reporting.Rule, patients: Patients, traced: int) -> list[str]:
    """The copies that ours did not block, with their values; of the first ``traced`` where the search lost them."""
    told: list[str] = []
    tracing = Tracing(patients) if traced else None
    for role in ("part", "whole", "scanned"):
        own = answers.where(role)
        for query, line, blocked in zip(own.queries, own.lines, own.blocked(rule), strict=True):
            if blocked:
                continue
            values = ", ".join(f"{k} {v:.3f}" for k, v in line["values"].items() if v is not None)
            more = tracing is not None and len(told) < traced
            told.append(f"{query.id}: {values}")
            told[-1] += f" | {tracing.trace(query).sentence(rule.limits())}" if tracing and more else ""
    return told


def page(document: dict[str, Any]) -> list[str]:
    """The document's tables, in lines of markdown."""
    lines = []
    for name, found in document.items():
        lines += [f"### {name}", ""]
        lines += ["; ".join(f"{key}: {value}" for key, value in found["facts"].items()) + ".", ""]
        for key in ("detection", "scanned", "false blocks", "ablation", "parts of the search"):
            if found.get(key):
                lines += [*markdown(found[key]), ""]
    return lines


OPTIONS = ("innocents", "copies", "parts", "scanned", "repeats", "recognition", "weights", "trace")


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", nargs="*", choices=[*SOURCES, []], help="data sets; all without one")
    for name in (
        "train",
        "calibration",
        "evaluation",
        "fold",
        "innocents",
        "copies",
        "parts",
        "scanned",
        "repeats",
    ):
        parser.add_argument(
            f"--{name}", type=int, help="as in Plan and Sizes; each data set has its own default"
        )
    parser.add_argument("--grid", help="as 64,80,64; 'proposed' for the one that import proposes")
    parser.add_argument(
        "--recognition", type=int, metavar="STEPS", help="train and ask the recognition networks"
    )
    parser.add_argument("--weights", type=Path, help="VGG16 in ONNX format for the dictionary")
    parser.add_argument("--trace", type=int, help="of so many missed copies, say where the search lost them")
    parser.add_argument("--cache", type=Path, help="folder for imported images, indexes and answers")
    parser.add_argument("--json", type=Path, help="file for the document")
    parser.add_argument("--no-ablation", action="store_true", help="without the variants of the search")
    return parser.parse_args(arguments)


def _planned_by(options: argparse.Namespace) -> tuple[Plan, ...]:
    plans = []
    for plan in PLANS:
        if options.data and plan.data not in options.data:
            continue
        given = {k: v for k, v in vars(options).items() if v is not None}
        sizes = replace(plan.sizes, **{k: given[k] for k in asdict(plan.sizes) if k in given})
        own = {k: given[k] for k in OPTIONS if k in given}
        if options.grid:
            proposed = options.grid == "proposed"
            own["grid"] = None if proposed else tuple(int(n) for n in options.grid.split(","))
        plans.append(replace(plan, sizes=sizes, ablation=not options.no_ablation, **own))
    return tuple(plans)


def _main(arguments: list[str]) -> None:
    options = _options(arguments)
    if options.cache:
        options.cache.mkdir(parents=True, exist_ok=True)
    document = run(_planned_by(options), options.cache)
    if options.json:
        options.json.write_text(json.dumps(document, indent=2), encoding="utf-8")
    sys.stdout.write("\n".join(page(document)) + "\n")
    for found in document.values():
        sys.stdout.writelines(f"missed {line}\n" for line in found["missed"])


if __name__ == "__main__":
    _main(sys.argv[1:])
