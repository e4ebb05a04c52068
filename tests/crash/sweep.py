"""Run a scenario in a child that dies where it is told, and hold what follows to the promises."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from qstash_rq.clock import SystemClock
from qstash_rq.core import Core, open_core
from qstash_rq.store import keys
from qstash_rq.store.script import load_script
from qstash_rq.users import ensure_first_user
from tests.clock import FakeClock
from tests.crash import snapshot
from tests.crash.aftermath import Survivors
from tests.crash.answers import Told, answer_to, script
from tests.crash.arrivals import Arrivals, Event
from tests.crash.deployment import settings_of
from tests.crash.invariants import TERMINAL, Aftermath, Record, read_records
from tests.crash.point import Point, points_of
from tests.crash.report import lines_of
from tests.crash.scenario import Known, Scenario
from tests.crash.seam import SCRIPTS
from tests.crash.snapshot import Contents
from tests.leaks import find_leaks
from tests.receiver import Receiver
from tests.store.audit import Audit

ROOT = Path(__file__).parents[2]
KILLED = -9
Lines = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a scenario does when nobody dies: its calls in order, their lines, the endpoints it asks."""

    points: tuple[Point, ...]
    calls: frozenset[str]
    sites: frozenset[str]
    endpoints: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The store as a scenario begins."""

    contents: Contents
    records: dict[str, Record]
    known: Known
    now_ms: int


class Sweep:
    """The server, the endpoint, the nursery of the victims, and the survivors."""

    def __init__(self, core: Core, receiver: Receiver, log: Path) -> None:
        self._core = core
        self._clock = cast("FakeClock", core.clock)
        self._client: Any = core.store.client
        self._receiver = receiver
        self._log = log
        self._worlds: dict[str, World] = {}
        self._followed: set[str] = set()
        self._runner = asyncio.Runner()
        self._seen = 0
        self._knows_scripts = False
        script(receiver)

    def __enter__(self) -> Self:
        """Start the nursery."""
        with self._log.open("wb") as log:
            self._nursery = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.nursery"],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._nursery.communicate()
        self._runner.close()
        self._client.flushall()

    def rehearse(self, scenario: Scenario) -> Rehearsal:
        """Run a scenario to its end and return what it did."""
        world = self._begin(scenario)
        status, lines = self._child(scenario, world, None)
        assert status == 0, f"{scenario.name} does not play:\n{self._log.read_text()[-4000:]}"
        calls = [line for line in lines if line["kind"] == "call"]
        return Rehearsal(
            points=tuple(points_of([(line["call"], line["nth"]) for line in calls])),
            calls=frozenset(line["call"] for line in calls),
            sites=frozenset(site for line in calls for site in line["sites"]),
            endpoints=frozenset(line["name"] for line in lines if line["kind"] == "endpoint"),
        )

    def strike(self, scenario: Scenario, point: Point) -> None:
        """Run a scenario in a process that dies at `point`, and hold what follows to the promises."""
        world = self._begin(scenario)
        status, lines = self._child(scenario, world, point)
        assert status == KILLED, f"{point}: not reached, {status}:\n{self._log.read_text()[-4000:]}"
        # Not the last one: while asyncio waits for an answer, other calls leave.
        calls = [(line["call"], line["nth"]) for line in lines if line["kind"] == "call"]
        assert (point.call, point.nth) in calls, f"{point}: died elsewhere"
        self._follow(scenario, world, lines)

    def _begin(self, scenario: Scenario) -> World:
        world = self._worlds.get(scenario.name) or self._prepare(scenario)
        snapshot.put_back(self._client, world.contents)
        self._set_clock(world.now_ms)
        self._seen = len(self._receiver.requests)
        if scenario.knows_no_scripts:
            self._client.script_flush()
            self._knows_scripts = False
        elif not self._knows_scripts:
            self._knows_scripts = True
            for name in SCRIPTS:
                self._client.script_load(load_script(name).text)
        return world

    def _prepare(self, scenario: Scenario) -> World:
        self._client.flushall()
        self._set_clock(SystemClock().now_ms())
        ensure_first_user(self._core)
        known = scenario.prepare(self._core, self._receiver.url("/")) | {"url": self._receiver.url("/")}
        if not scenario.deletes:
            Audit(self._core).check(tampered=True)
        contents = snapshot.take(self._client)
        snapshot.put_back(self._client, contents)
        # Taken again: Redis may serialise what it has restored in another way.
        world = World(
            contents=snapshot.take(self._client),
            records=read_records(self._core),
            known=known,
            now_ms=self._clock.now_ms(),
        )
        self._worlds[scenario.name] = world
        return world

    def _child(
        self, scenario: Scenario, world: World, target: Point | None, **more: Any
    ) -> tuple[int, Lines]:
        order = {
            "scenario": scenario.name,
            "target": None if target is None else [target.call, target.nth, target.after],
            "redis_url": self._core.settings.redis_url,
            "now_ms": self._clock.now_ms(),
            "known": world.known,
            "may_be_refused": False,
            **more,
        }
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps(order) + "\n")
        self._nursery.stdin.flush()
        answer = self._nursery.stdout.readline()
        assert answer, f"the nursery is dead:\n{self._log.read_text()[-4000:]}"
        told = json.loads(answer)
        return told["status"], lines_of(base64.b64decode(told["report"]))

    def _follow(self, scenario: Scenario, world: World, lines: Lines) -> None:
        """Look at the store as the process left it, let the others carry on, and look again."""
        core = replace(self._core, settings=settings_of(self._core.settings.redis_url, **scenario.settings))
        if not (scenario.leaves or scenario.deletes):  # RQ's own worker marks what it pops
            Audit(core).check(tampered=scenario.tampers)
        at_death = read_records(core)
        in_flight = {one for one, record in at_death.items() if record["state"] == "active"}
        began_ms = self._clock.now_ms()
        told = [line for line in lines if line["kind"] in ("starts", "ends")]
        if self._is_known(scenario, world, told):
            return
        self._set_clock(max(line["at_ms"] for line in lines))
        if scenario.real:
            self._set_clock(max(self._clock.now_ms(), SystemClock().now_ms()))
        self._check_made(scenario, world, at_death)
        if scenario.again:
            status, _ = self._child(scenario, world, None, may_be_refused=True)
            assert status == 0, f"{scenario.name} cannot be sent again:\n{self._log.read_text()[-4000:]}"
            now = read_records(core)
            assert scenario.made is not None
            assert len(now) - len(world.records) == max(scenario.made), "sent again, made again"
        survivors = Survivors(core, self._runner)
        _replay(told, survivors.arrivals)
        survivors.carry_on()
        survivors.arrivals.events[:0] = self._received()
        living = {one for one, record in world.records.items() if record["state"] not in TERMINAL}
        Aftermath(
            core=core,
            arrivals=survivors.arrivals,
            living=frozenset(living | (read_records(core).keys() - world.records.keys())),
            begun=frozenset(one for one in living if "attempt" in world.records[one]),
            in_flight=frozenset(in_flight),
            cancels=scenario.cancels,
            condemned=world.known.get("condemned"),
            ticking=tuple(world.known.get("ticking", "").split()),
            began_ms=began_ms,
        ).check()
        Audit(core).check()
        survivors.grow_old()
        leaks = [one for one in find_leaks(core.settings.redis_url) if not _matches(one, scenario.leaves)]
        assert leaks == [], leaks
        assert [self._client.xlen(name) for name in self._client.keys(keys.LOG("*"))] in ([0], [])

    def _is_known(self, scenario: Scenario, world: World, told: Lines) -> bool:
        """Tell whether the store is as it was before the act, and what follows from that was looked at."""
        if told or scenario.again or not snapshot.same(snapshot.take(self._client), world.contents):
            return False
        known = scenario.name in self._followed
        self._followed.add(scenario.name)
        return known

    def _check_made(self, scenario: Scenario, world: World, at_death: dict[str, Record]) -> None:
        if scenario.made is not None:
            made = len(at_death) - len(world.records)
            assert made in scenario.made, f"{made} messages are neither all nor none"

    def _received(self) -> list[Event]:
        """Return what came over the wire in this run, as events."""
        arrivals = Arrivals()
        for request in self._receiver.requests[self._seen :]:
            message_id = request.header("upstash-message-id") or ""
            retried = int(request.header("upstash-retried") or 0)
            arrivals.started(message_id, retried, 0)
            arrivals.ended(
                message_id, answer_to(Told(message_id, retried, request.path.strip("/"))).status or 0
            )
        return arrivals.events

    def _set_clock(self, now_ms: int) -> None:
        self._clock.advance(now_ms - self._clock.now_ms())


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _replay(told: Lines, arrivals: Arrivals) -> None:
    """Note what the victim told of its deliveries; what it had open is cut."""
    for line in told:
        if line["kind"] == "starts":
            arrivals.started(line["message_id"], line["retried"], line["at_ms"])
        else:
            arrivals.ended(line["message_id"], line["status"])
    arrivals.cut()


@contextmanager
def open_sweep(redis_url: str, directory: Path) -> Generator[Sweep]:
    """Give a sweep on a server that nobody else uses, with an endpoint of its own."""
    core: Any = open_core(settings_of(redis_url), FakeClock())
    with core.store.client, Receiver() as receiver, Sweep(core, receiver, directory / "nursery.log") as sweep:
        yield sweep
