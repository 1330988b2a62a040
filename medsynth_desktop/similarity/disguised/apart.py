"""Helpers: processes that look at queries beside this one, for Python lets only one thread of a process work at a time.

A lone query is looked at from one side here and from the other there; of many, each is looked at by one process. What a
helper says is what this process would say.
"""

from __future__ import annotations

import math
import multiprocessing
import signal
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from multiprocessing.connection import Connection
from pickle import UnpicklingError
from threading import Thread
from typing import Any

import numpy as np

from medsynth_desktop.core.records import Disguise
from medsynth_desktop.similarity.bounds import one_thread_each
from medsynth_desktop.similarity.disguised.sides import Looking, Real, Side, disguises

WORTH = 0.5
"""Seconds of looking after which helpers are started: one takes about a second until it is ready."""
MOST = 3
"""Helpers, at most: each holds what is known of the real images."""
LARGE = 1 << 29
"""Bytes that are known of the real images, above which there are none."""


class Gone(Exception):
    """A helper has ended: killed, or out of memory."""


class Helper:
    """A process that looks at queries from both sides, or from the mirrored one alone, as `Looking` says.

    It asks for the voxels of real images when it needs them.
    """

    def __init__(self, real: Real) -> None:
        context, shape = multiprocessing.get_context("spawn"), real.placed.frame.shape
        self._pipe, there = context.Pipe()
        memory = context.RawArray("f", math.prod(shape))  # a query through the pipe would take milliseconds
        self._query = np.frombuffer(memory, np.float32).reshape(shape)
        self._process = context.Process(target=_serve, args=(there, memory, shape), daemon=True)
        self._real = real
        self._process.start()
        there.close()

    def open(self) -> None:
        """Tell it what is known of the real images, and wait until it is ready."""
        real = self._real
        self._ask("open", (real.placed, real.records, real.candidates, real.poses))

    def disguises(self, image: np.ndarray) -> tuple[Disguise, ...]:
        """The likeliest disguises of ``image``, best first."""
        return tuple(self._ask("disguises", image))

    def starts(self, image: np.ndarray) -> list[tuple[float, int]]:
        """Score and index of the likeliest real images of the next query."""
        return list(self._ask("starts", image))

    def lay(self, which: Sequence[int]) -> list[tuple[float, float]]:
        """How alike, as a whole and in part, some of ``starts`` are when they are laid roughly over the query."""
        return list(self._ask("lay", which))

    def finest(self, which: Sequence[int]) -> list[Disguise]:
        """What some of those laid show at full detail."""
        return list(self._ask("finest", which))

    def ask(self, name: str, argument: Any) -> None:
        """Tell it what to do, with an image or a choice; `answer` must be called next."""
        try:
            if isinstance(argument, np.ndarray):
                self._query[:], argument = argument, None
            self._pipe.send((name, argument))
        except OSError as reason:
            raise Gone from reason

    def answer(self) -> Any:
        """What it says, once it has the voxels that it asks for meanwhile."""
        try:
            while True:
                wanted, answer = self._pipe.recv()
                if not wanted:
                    return answer
                self._pipe.send(np.asarray(self._real.images[answer], np.float32))
        except (OSError, EOFError) as reason:
            raise Gone from reason

    def _ask(self, name: str, argument: Any) -> Any:
        self.ask(name, argument)
        return self.answer()

    def end(self) -> None:
        """Kill it, whatever it does."""
        self._pipe.close()
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()


def at_once(pool: Executor, name: str, sides: Sequence[Looking], *columns: Sequence[Any]) -> list[Any]:
    """As `sides.in_turn`, but all sides work at the same time: the last of this process in this thread.

    Helpers are asked before that: a thread that asks while another one works waits for Python's lock, and its helper
    with it.
    """
    calls = list(zip(sides, *columns, strict=True))
    waiting: dict[int, Future[Any]] = {}
    for number, (side, *rest) in enumerate(calls):
        if isinstance(side, Helper):
            side.ask(name, *rest)
            waiting[number] = pool.submit(side.answer)
    here = [number for number in range(len(calls)) if number not in waiting]
    found: dict[int, Any] = {}
    for number in here:
        side, *rest = calls[number]
        if number != here[-1]:
            waiting[number] = pool.submit(getattr(side, name), *rest)
        else:
            found[number] = getattr(side, name)(*rest)
    found |= {number: future.result() for number, future in waiting.items()}
    return [found[number] for number in range(len(calls))]


def _serve(pipe: Connection, memory: Any, shape: tuple[int, ...]) -> None:
    """Take what is known of the real images, then answer the commands of `Helper`, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the parent decides
    with one_thread_each(), suppress(EOFError, OSError, UnpicklingError):
        query = np.frombuffer(memory, np.float32).reshape(shape)
        _, (placed, *own) = pipe.recv()
        real = Real(placed, _Asked(pipe), *own)
        sides = Side(real, 1), Side(real, -1)
        commands: dict[str, Callable[..., Any]] = {
            "disguises": lambda _: disguises(real, sides, query),
            "starts": lambda _: sides[1].starts(query),
            "lay": sides[1].lay,
            "finest": sides[1].finest,
        }
        pipe.send((False, None))
        while True:
            name, argument = pipe.recv()
            pipe.send((False, commands[name](argument)))


class _Asked(Sequence[np.ndarray]):
    """The real images, each sent for when it is needed."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        self._pipe.send((True, index))
        return self._pipe.recv()


class Helpers:
    """The helpers of one search: none at first, for most searches end before one would be ready."""

    def __init__(self, count: int) -> None:
        self._count, self._spent, self._tries = min(count, MOST), 0.0, 3
        self._found: list[Helper] = []
        self._starting: Thread | None = None
        self._end = weakref.finalize(self, _end_all, self._found)

    def ready(self) -> list[Helper]:
        """Those that can be asked."""
        return list(self._found)

    def spent(self, seconds: float, real: Real) -> None:
        """Say that so long was looked for copies; helpers are started where that was long."""
        self._spent += seconds
        starting = self._starting is not None and self._starting.is_alive()
        if self._spent < WORTH or self._found or starting or not (self._count and self._tries):
            return
        if real.placed.nbytes > LARGE:
            return
        self._tries -= 1
        begun: list[Helper] = []
        # Here, for a program that ends would break off a start in another thread. What is suppressed: there may be no
        # process, or no child of a daemon.
        with suppress(OSError, RuntimeError, AssertionError):
            for _ in range(self._count):
                begun.append(Helper(real))
        self._starting = Thread(target=_open, args=(begun, self._found, self._end), daemon=True)
        self._starting.start()

    def dismiss(self) -> None:
        """End all, as one is in the middle of something that nobody waits for."""
        self._spent = 0.0
        _end_all(self._found)


def _open(begun: list[Helper], found: list[Helper], end: Any) -> None:
    for helper in begun:
        try:
            helper.open()
            found.append(helper)
        except Gone:
            helper.end()
    if not end.alive:  # the search has ended meanwhile
        _end_all(found)


def _end_all(found: list[Helper]) -> None:
    with suppress(IndexError):  # another thread may be ending them too
        while found:
            found.pop().end()
