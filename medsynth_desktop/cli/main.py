"""Entry point: parse, run, and turn every outcome into an exit code and one sentence."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from medsynth_desktop import __version__
from medsynth_desktop.cli import (
    batch,
    bundle,
    cohort,
    demo,
    distill,
    features,
    guard,
    model,
    quality,
    release,
    study,
    system,
)
from medsynth_desktop.cli.console import say, take_shared_options
from medsynth_desktop.cli.help import EPILOG, Commands, add_epilog
from medsynth_desktop.core.errors import MedSynthError

app = typer.Typer(
    help="MedSynth Desktop: share medical images without sharing patients.",
    epilog=EPILOG,
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for room in (demo, system, cohort, model, bundle, batch, distill, guard, quality, features, study, release):
    room.add_to(app)
add_epilog(app)


def _say_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"medsynth {__version__}\n")
        raise typer.Exit()


@app.callback()
def _before(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_say_version),
    ] = False,
) -> None: ...


def main(words: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 refused, 2 wrong usage, 3 guard said no, 130 cancelled."""
    logging.basicConfig(level=logging.ERROR, format="medsynth: %(message)s")
    logging.disable(logging.CRITICAL if not os.environ.get("MEDSYNTH_DEBUG") else logging.NOTSET)
    words = take_shared_options(sys.argv[1:] if words is None else words)
    try:
        app(words, prog_name="medsynth")  # exits by itself: 0, 2 on wrong usage
    except MedSynthError as error:
        say(f"medsynth: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        say("medsynth: Cancelled; everything finished so far is kept.")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("MEDSYNTH_DEBUG"):
            raise
        say(
            f"medsynth: Stopped on an unexpected fault ({type(error).__name__}); what was finished is kept. "
            "Set MEDSYNTH_DEBUG=1 and run again to see where."
        )
        sys.exit(1)
