"""The seam: clients that number what leaves the process, and kill it before or after the call they are told.

The child puts them in the place of redis-py's own classes, so every client counts,
whoever opens it: the core, a worker, RQ. Before a call means that Redis never hears of it;
after it, that Redis has carried it out and the process has not heard the answer. A pipeline
that is no transaction is cut: Redis carries out what it has received of it.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from types import FrameType
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.client import Pipeline

from qstash_rq.store import connection, keys
from qstash_rq.store.script import load_script
from tests.crash.point import Point
from tests.crash.report import Report

ROOT = Path(__file__).parents[2]
PRODUCT = tuple(f"{ROOT / package}{os.sep}" for package in ("api", "qstash_rq", "workers"))
SCRIPTS = tuple(
    sorted(
        path.name.removesuffix(".lua")
        for path in files("qstash_rq.store").joinpath("lua").iterdir()
        if path.name.endswith(".lua")
    )
)


class Seam:
    """Counts the calls of one process; with a `target` the process does not survive it."""

    def __init__(self, report: Report, target: Point | None) -> None:
        self.heard: Counter[str] = Counter()
        self._report = report
        self._target = target
        self._lock = Lock()

    def arrive(self, *words: Any, waits: bool = False) -> bool:
        """Count a call that is about to leave; tells whether the process dies after it, and may not return.

        What `waits` is written down although the call is part of a pipeline that has not been sent.
        """
        with self._lock:
            call = _name_of(words)
            self.heard[call] += 1
            nth = self.heard[call]
            self._report.tell("call", call=call, nth=nth, sites=_sites(sys._getframe(1)))  # noqa: SLF001
            if Point(call, nth, after=False) == self._target and not waits:
                die()
            return Point(call, nth, after=True) == self._target

    def dies_before(self, *words: Any) -> bool:
        """Tell whether the call that comes next, of this kind, is the one before which the process dies."""
        call = _name_of(words)
        return Point(call, self.heard[call] + 1, after=False) == self._target


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def _sites(frame: FrameType | None) -> list[str]:
    """Return the lines of the product that a call comes from, the innermost first."""
    sites: list[str] = []
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(PRODUCT):
            sites.append(f"{name.removeprefix(f'{ROOT}{os.sep}')}:{frame.f_lineno}")
        frame = frame.f_back
    return sites


@cache
def _scripts() -> dict[str, str]:
    return {load_script(name).digest: name for name in SCRIPTS}


@cache
def _texts() -> dict[str, str]:
    return {load_script(name).text: f"{name} (whole)" for name in SCRIPTS}


def _name_of(words: tuple[Any, ...]) -> str:
    command = str(words[0]).upper()
    if command == "EVALSHA":
        return _scripts().get(words[1], "a script of RQ")
    if command == "EVAL":
        return _texts().get(words[1], "a script of RQ")
    subject = str(words[1]) if len(words) > 1 else ""
    families = [word for word, key in keys.ALL.items() if subject.startswith(key.name)]
    longest = max(families, key=lambda word: len(keys.ALL[word].name), default="")
    return f"{command} {longest}".rstrip()


class WatchedPipeline(Pipeline):
    """A pipeline that may be cut; one that is a transaction is one call."""

    seam: Seam

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what is buffered, or as much of it as leaves in time."""
        stack = list(self.command_stack)
        if self.transaction or self.explicit_transaction:
            names = " ".join(str(words[0]) for words, _ in stack)
            return _around(self.seam, (f"MULTI {names}",), lambda: Pipeline.execute(self, raise_on_error))
        for index, (words, _) in enumerate(stack):
            cut_before = self.seam.dies_before(*words)
            cut_after = self.seam.arrive(*words, waits=True)
            if cut_before or cut_after:
                self.command_stack = stack[: index + cut_after]
                super().execute(raise_on_error)
                die()
        return super().execute(raise_on_error)

    def immediate_execute_command(self, *words: Any, **options: Any) -> Any:
        """Send one command of a transaction that watches keys."""
        return _around(self.seam, words, lambda: Pipeline.immediate_execute_command(self, *words, **options))


class WatchedRedis(Redis):
    """A synchronous client."""

    seam: Seam

    def execute_command(self, *words: Any, **options: Any) -> Any:
        """Send one command."""
        return _around(self.seam, words, lambda: Redis.execute_command(self, *words, **options))

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Start buffering commands."""
        return WatchedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class WatchedAsyncPipeline(AsyncPipeline):
    """A pipeline of the asyncio client that may be cut; the product has none that is a transaction."""

    seam: Seam

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what is buffered, or as much of it as leaves in time."""
        stack = list(self.command_stack)
        for index, (words, _) in enumerate(stack):
            cut_before = self.seam.dies_before(*words)
            cut_after = self.seam.arrive(*words, waits=True)
            if cut_before or cut_after:
                self.command_stack = stack[: index + cut_after]
                await super().execute(raise_on_error)
                die()
        return await super().execute(raise_on_error)


class WatchedAsyncRedis(AsyncRedis):
    """An asyncio client."""

    seam: Seam

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> AsyncPipeline:
        """Start buffering commands."""
        return WatchedAsyncPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)

    async def execute_command(self, *words: Any, **options: Any) -> Any:
        """Send one command."""
        dies = self.seam.arrive(*words)
        try:
            return await super().execute_command(*words, **options)
        finally:
            if dies:
                die()


def watch(seam: Seam) -> None:
    """Have every client that this process opens from now on pass the seam."""
    for watched in (WatchedPipeline, WatchedRedis, WatchedAsyncPipeline, WatchedAsyncRedis):
        watched.seam = seam
    connection.Redis = WatchedRedis  # type: ignore[misc]
    connection.AsyncRedis = WatchedAsyncRedis  # type: ignore[misc]


def _around(seam: Seam, words: tuple[Any, ...], send: Callable[[], Any]) -> Any:
    dies = seam.arrive(*words)
    try:
        return send()
    finally:
        if dies:
            die()
