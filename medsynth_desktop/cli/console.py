"""What every command shares: the workspace, one JSON document on stdout, progress on stderr, exit codes."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from medsynth_desktop.core.errors import InputRefused, MedSynthError

if TYPE_CHECKING:
    from medsynth_desktop.core.progress import CancelToken, Progress, Steps
    from medsynth_desktop.store.workspace import Workspace

T = TypeVar("T")


class WrongUsage(MedSynthError):
    """Options or arguments that do not make a command, where the parser alone cannot tell."""

    exit_code = 2


@dataclasses.dataclass
class Options:
    """Options that every command takes, wherever they stand on the line."""

    workspace: Path | None = None
    json: bool = False


options = Options()


def take_shared_options(words: list[str]) -> list[str]:
    """Remove ``--workspace DIR`` and ``--json`` from ``words``, wherever they stand, into `options`."""
    options.workspace, options.json = None, False
    rest: list[str] = []
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--":
            return [*rest, word, *words]
        if word == "--json":
            options.json = True
        elif word == "--workspace" and words:
            options.workspace = Path(words.pop(0))
        elif word.startswith("--workspace="):
            options.workspace = Path(word.partition("=")[2])
        else:
            rest.append(word)
    return rest


def workspace_path() -> Path:
    """Folder of the workspace: ``--workspace``, else MEDSYNTH_WORKSPACE, else the platform's user data folder."""
    if options.workspace is not None:
        return options.workspace
    if named := os.environ.get("MEDSYNTH_WORKSPACE"):
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("medsynth-desktop", appauthor=False)) / "workspace"


@contextmanager
def open_workspace(*, to_look: bool = False) -> Iterator[Workspace]:
    """Open the workspace for one command; created when absent. ``to_look``: also in a read-only folder."""
    from medsynth_desktop.store.workspace import Workspace

    workspace = Workspace.open(workspace_path(), to_look=to_look)
    try:
        yield workspace
    finally:
        workspace.close()


def say(sentence: str) -> None:
    """Tell the user something on stderr."""
    sys.stderr.write(sentence + "\n")


def answer(document: dict[str, Any], text: str) -> None:
    """Print the result: one JSON document with ``--json``, else ``text``. NaN and infinity become null."""
    out = json.dumps(plain(document), allow_nan=False, indent=2) if options.json else text
    sys.stdout.write(out + "\n")
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """Turn records, paths and NumPy numbers into what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def counted(number: int, what: str) -> str:
    """``1 file``, ``1,200 files``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def lasting(seconds: float) -> str:
    """A duration for a person: ``under a second``, ``12 s``, ``1 h 5 min``."""
    if seconds < 1:
        return "under a second"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def printable(text: str) -> str:
    """Text on one line for a terminal: what a file's name could do to it becomes a mark."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def run(steps: Steps[T]) -> T:
    """Drain ``steps`` with a progress line on stderr; the first Ctrl-C cancels at the next step."""
    from medsynth_desktop.core.progress import CancelToken, drain

    token = CancelToken()
    with _interruptible(token), _progress_line() as report:
        return drain(steps, report, token)


@contextmanager
def _interruptible(token: CancelToken) -> Iterator[None]:
    def on_interrupt(number: int, frame: Any) -> None:
        if token.cancelled:
            raise KeyboardInterrupt
        token.cancel()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress_line() -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    bars = Bars(*columns, console=Console(stderr=True), transient=True)
    with bars:
        task = bars.add_task("", total=None)

        def report(progress: Progress) -> None:
            bars.update(
                task, description=progress.message, completed=progress.done, total=progress.total or None
            )

        yield report


def parse_grid(text: str | None) -> tuple[int, ...] | None:
    """Read ``64,80,64`` or ``256,256``.

    Raises
    ------
    InputRefused
        For anything else.
    """
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.replace("x", ",").split(","))
    except ValueError:
        raise InputRefused(f"--grid takes whole numbers such as 64,80,64; got {text!r}.") from None


def parse_conditions(pairs: list[str] | None) -> dict[str, float | str]:
    """Read ``age=63`` or ``label=normal`` and the like.

    Raises
    ------
    InputRefused
        When a pair is not ``name=value``.
    """
    conditions: dict[str, float | str] = {}
    for pair in pairs or []:
        name, _, value = (part.strip() for part in pair.partition("="))
        if not name or not value:
            raise InputRefused(
                f"--condition takes name=value, for instance age=63 or label=normal; got {pair!r}."
            )
        try:
            conditions[name] = float(value)
        except ValueError:
            conditions[name] = value
    return conditions
