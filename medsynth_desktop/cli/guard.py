"""`medsynth nearest`, `calibrate`, `audit` and `threshold`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from medsynth_desktop.cli.choices import NearestBy
from medsynth_desktop.cli.console import WrongUsage, answer, counted, open_workspace, run, say
from medsynth_desktop.cli.quality import quality_lines

if TYPE_CHECKING:
    from medsynth_desktop.core.records import Nearest
    from medsynth_desktop.guard.calibration import Calibration

CohortName = Annotated[Optional[str], typer.Option("--cohort", help="Name of the cohort.")]  # noqa: UP045
Batch = Annotated[Optional[str], typer.Option("--batch", help="Name of a batch of samples.")]  # noqa: UP045
Paths = Annotated[Optional[list[Path]], typer.Argument(help="Images to check.")]  # noqa: UP045
Quantile = Annotated[float, typer.Option("--quantile", help="Share of unseen patients that shall pass.")]


def add_to(root: typer.Typer) -> None:
    """Mount the commands."""
    root.command()(nearest)
    root.command()(calibrate)
    root.command()(audit)
    root.command()(threshold)


def nearest(
    paths: Paths = None,
    cohort: CohortName = None,
    batch: Batch = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many neighbours.")] = 5,
    metric: Annotated[NearestBy, typer.Option("--metric", help="What nearest means.")] = "correlation",
) -> None:
    """Exact nearest real images (training split) of any images or of a batch."""
    from medsynth_desktop.workbench import guarding
    from medsynth_desktop.workbench.searching import training_search

    _one_of(batch, paths)
    with open_workspace() as workspace:
        held = _cohort(workspace, cohort, batch)
        if batch is not None:
            queries = guarding.batch_queries(workspace, workspace.batches.get(batch), held)
        else:
            queries = run(guarding.path_queries(held, paths or []))
        found = run(training_search(workspace, held).query(queries, k=k, metric=metric))
    answer({"cohort": held.name, "queries": found}, "\n".join(_nearest_line(n) for n in found))


def calibrate(
    cohort: CohortName = None,
    batch: Batch = None,
    quantile: Quantile = 0.983,
    why: Annotated[
        str, typer.Option("--why", help="Why typed limits are lifted, kept with those in their place.")
    ] = "calibrated anew from the command line",
) -> None:
    """Propose thresholds from the calibration patients, with a bootstrap interval, and put them in force.

    Without --batch for the cohort at large; with it for the model that drew the batch, from patients made as soft.
    """
    from medsynth_desktop.workbench import guarding, limits, releasing

    with open_workspace() as workspace:
        held = _cohort(workspace, cohort, batch)
        drawn = workspace.batches.get(batch) if batch else None
        lifted = limits.typed_in_force(workspace, held, drawn)
        if drawn is None:
            calibration = run(limits.calibrate_cohort(workspace, held.name, quantile))
        else:
            queries = guarding.batch_queries(workspace, drawn, held)
            calibration = run(limits.calibrate_model(workspace, held, drawn, queries, quantile))
        who = releasing.current_user() or "somebody who was not signed in"
        limits.reset_thresholds(workspace, held.name, who=who, why=why, batch=batch)
        left = limits.left_words(workspace, held) if drawn is None else ""
    document = describe_calibration(calibration)
    for warning in calibration.warnings:
        say(f"medsynth: {warning}")
    for t in lifted:
        say(f"medsynth: The limit of {t.metric} that {t.who} set ({t.why}) is no longer in force.")
    if left:
        say(f"medsynth: {left}")
    lines = [_limit_line(k, v) for k, v in document["metrics"].items()]
    answer(document, "\n".join([*lines, *filter(None, [document["softness"]["sentence"]])]))


def audit(
    paths: Paths = None,
    cohort: CohortName = None,
    batch: Batch = None,
    policy: Annotated[Optional[Path], typer.Option("--policy", help="JSON of thresholds.")] = None,  # noqa: UP045
    report: Annotated[Optional[Path], typer.Option("--report", help="HTML report to write.")] = None,  # noqa: UP045
    quantile: Quantile = 0.983,
    membership: Annotated[
        bool, typer.Option("--membership", help="Ask the model whether it gives away its patients; minutes.")
    ] = False,
    membership_images: Annotated[
        int, typer.Option(min=1, help="Images of either split that --membership asks about at most.")
    ] = 200,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Real patients' images in the report, or none.")
    ] = True,
    quality: Annotated[
        bool, typer.Option("--quality", help="Measure the batch's quality too, as medsynth quality does.")
    ] = False,
    fdr: Annotated[
        float, typer.Option("--fdr", help="Share of the discovered images that may be innocent.")
    ] = 0.05,
) -> None:
    """Judge every sample of a batch, or every image given; exit code 3 when one is blocked."""
    from medsynth_desktop.cli.verdicts import audit_lines
    from medsynth_desktop.workbench import auditing

    _one_of(batch, paths)
    asked = membership_images if membership else None
    with open_workspace() as workspace:
        held = _cohort(workspace, cohort, batch)
        if quality:
            auditing.check_quality(workspace, held, batch)
        result = run(auditing.audit(workspace, held, batch, paths or [], policy, quantile, asked, fdr))
        measured = run(auditing.audit_quality(workspace, held, batch, anew=quality))
        if report is not None:
            auditing.write_report(
                workspace, held, batch, result, report, paths=paths or [], pictures=pictures
            )
    document = auditing.describe(result, measured)
    about_quality = document["quality"]["warnings"] if quality and document["quality"] else []
    for warning in [*document["warnings"], *about_quality]:
        say(f"medsynth: {warning}")
    told = quality_lines(measured) if quality and measured is not None else []
    answer(document, "\n".join([*audit_lines(result, document), *told]))
    if document["counts"]["block"]:
        raise typer.Exit(3)


def threshold(
    metric: Annotated[
        str, typer.Argument(help="As verdicts name it: correlation, rmse, lowe_ratio, aligned, part, ...")
    ],
    review: Annotated[float, typer.Option(help="Where pass turns into review.")],
    block: Annotated[float, typer.Option(help="Where review turns into block.")],
    why: Annotated[str, typer.Option(help="Reason, kept with the threshold.")],
    who: Annotated[Optional[str], typer.Option(help="Name; default who is signed in here.")] = None,  # noqa: UP045
    cohort: CohortName = None,
    batch: Batch = None,
) -> None:
    """Put a typed threshold in force; approvals that it affects are re-opened.

    Without --batch for the cohort and all its models; with it for the model that drew the batch alone.
    """
    from medsynth_desktop.guard.policy import out_of_reach
    from medsynth_desktop.workbench import limits, releasing, scopes

    with open_workspace() as workspace:
        held = _cohort(workspace, cohort, batch)
        who = who or releasing.current_user()
        if batch is None and limits.only_models_have_limits(workspace, held):
            run(limits.calibrate_cohort(workspace, held.name))  # models checked later shall find it there
        reopened = limits.set_threshold(
            workspace, held.name, metric, review, block, who=who, why=why, batch=batch
        )
        record = workspace.batches.get(batch) if batch else None
        scope = scopes.scope_facts(workspace, held, record)
        policy = scopes.policy_in_force(workspace, held, record)
        warnings = out_of_reach(policy) if policy is not None else []
    limit = {"metric": metric, "review": review, "block": block}
    answer(
        {**limit, "scope": scope, "reopened": [d.sample for d in reopened], "warnings": warnings},
        " ".join(
            [
                f"{metric}: review {review:g}, block {block:g}, {scope['sentence']}; "
                f"{counted(len(reopened), 'approval')} re-opened.",
                *warnings,
            ]
        ),
    )


def describe_calibration(calibration: Calibration) -> dict[str, Any]:
    """What the contract promises: per metric threshold, interval, n, quantile."""
    from medsynth_desktop.guard.matched import preparation_facts

    metrics = {
        t.metric: {
            "threshold": t.block,
            "review": t.review,
            "interval": t.interval,
            "n": t.n,
            "quantile": t.quantile,
        }
        for t in calibration.thresholds
    }
    return {
        "quantile": calibration.quantile,
        "metrics": metrics,
        **metrics,
        "warnings": list(calibration.warnings),
        "softness": preparation_facts(calibration),
    }


def _cohort(workspace: Any, name: str | None, batch: str | None) -> Any:
    from medsynth_desktop.workbench.guarding import resolve_cohort

    bundle = workspace.batches.get(batch).bundle_hash if batch else None
    return resolve_cohort(workspace, name, bundle)


def _one_of(batch: str | None, paths: list[Path] | None) -> None:
    if bool(batch) == bool(paths):
        raise WrongUsage("Give either --batch NAME or the paths of images, one of the two.")


def _nearest_line(found: Nearest) -> str:
    from medsynth_desktop.similarity.rmse import closest, lowest_rmse

    best, smallest, whose = found.neighbours[0], lowest_rmse(found), closest(found)
    line = (
        f"{found.id}: nearest {best.image}, correlation {best.correlation:.4f}, "
        f"RMSE {best.rmse:.4f}, Lowe's ratio {found.lowe_ratio:.4f}"
    )
    if smallest < best.rmse:
        line += f"; smallest RMSE {smallest:.4f} with {whose.image if whose else 'another image'}"
    return line


def _limit_line(metric: str, facts: dict[str, Any]) -> str:
    low, high = facts["interval"]
    return (
        f"{metric}: review {facts['review']:.4f}, block {facts['threshold']:.4f} (95 % interval {low:.4f} to "
        f"{high:.4f}; {facts['n']} unseen images, quantile {facts['quantile']:g})"
    )
