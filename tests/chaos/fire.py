"""Kill and freeze the processes of a product at random, and remember when."""

import os
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Timer
from time import monotonic

from qstash_rq.clock import SystemClock
from tests.chaos.journal import Journal, Withheld
from tests.process import Process
from tests.running import Product, RedisServer

_now_ms = SystemClock().now_ms
WORKERS, SCHEDULERS, FRONTS = 3, 2, 2
# Between two faults, on average.
_CALM_S = 1.0
_FREEZE_S = (0.2, 5.0)
_AWAY_S = (0.05, 1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that was done to a process, and until when it lasted."""

    kind: str
    start_ms: int
    end_ms: int
    withheld: Withheld | None = None  # what a killed Redis may have taken with it


class Fire:
    """Owns the processes of one run: starts them, harms them, has them all well in the end."""

    def __init__(
        self, product: Product, server: RedisServer, dice: random.Random, journal: Journal | None
    ) -> None:
        self._product = product
        self._server = server
        self._dice = dice
        self._journal = journal
        self._pause = Event()
        self._thaws: list[Timer] = []
        self._frozen: set[object] = set()
        self.faults: list[Fault] = []
        self._workers = [product.start_worker() for _ in range(WORKERS)]
        self._schedulers = [product.start_scheduler() for _ in range(SCHEDULERS)]
        self._fronts = [self._start_front() for _ in range(FRONTS)]

    def ports(self) -> Sequence[int]:
        """Return where the API listens now."""
        return [port for _, port in self._fronts]

    def burn(self, seconds: float) -> None:
        """Do harm for so long, then let everything be well again."""
        end = monotonic() + seconds
        while monotonic() < end:
            self._supervise()
            self._pause.wait(self._dice.expovariate(1 / _CALM_S))
            self._dice.choices(
                [self._harm_worker, self._harm_scheduler, self._harm_front, self._harm_redis],
                [40, 20, 20, 20],
            )[0]()
        for thaw in self._thaws:
            thaw.join()
        self._supervise()

    def _supervise(self) -> None:
        """Start the workers again that RQ's command line ended: it does when Redis is away as they start."""
        for index, worker in enumerate(self._workers):
            if not worker.running and "Listening on" not in worker.output():
                worker.wait()
                self._note("restart worker")
                self._workers[index] = self._product.start_worker()

    def _harm_worker(self) -> None:
        self._harm(self._workers, self._product.start_worker, "worker")

    def _harm_scheduler(self) -> None:
        self._harm(self._schedulers, self._product.start_scheduler, "scheduler")

    def _harm(self, processes: list[Process], start: Callable[[], Process], name: str) -> None:
        index = self._dice.randrange(len(processes))
        victim = processes[index]
        if victim in self._frozen:
            return
        if self._dice.random() < 0.4:
            self._freeze(f"freeze {name}", victim, victim.pid)
        else:
            victim.kill()
            self._note(f"kill {name}")
            processes[index] = start()

    def _harm_front(self) -> None:
        index = self._dice.randrange(len(self._fronts))
        front, _ = self._fronts[index]
        children = _children(front.pid)
        if not children or front in self._frozen:
            return
        what = self._dice.random()
        if what < 0.2:
            front.kill()
            self._note("kill web master")
            self._fronts[index] = self._start_front()
        elif what < 0.6:
            os.kill(self._dice.choice(children), signal.SIGKILL)
            self._note("kill web")
        else:
            self._freeze("freeze web", front, self._dice.choice(children))

    def _harm_redis(self) -> None:
        if self._server in self._frozen:
            return
        if self._dice.random() < 0.5:
            self._freeze("freeze redis", self._server, self._server.pid)
            return
        away_s = self._dice.uniform(*_AWAY_S)
        withheld = self._journal.look_before_kill() if self._journal else None
        start_ms = _now_ms()
        self._server.kill()
        self._pause.wait(away_s)
        self._server.start()
        fault = Fault(kind="kill redis", start_ms=start_ms, end_ms=_now_ms(), withheld=withheld)
        self.faults.append(fault)

    def _freeze(self, kind: str, owner: object, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        self._frozen.add(owner)
        start_ms = _now_ms()

        def thaw() -> None:
            # Its master may have replaced it meanwhile.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            self._frozen.discard(owner)
            self.faults.append(Fault(kind=kind, start_ms=start_ms, end_ms=_now_ms()))

        # Not this thread's work: it may be waiting for a process that waits for what is frozen.
        timer = Timer(self._dice.uniform(*_FREEZE_S), thaw)
        self._thaws.append(timer)
        timer.start()

    def _note(self, kind: str) -> None:
        now_ms = _now_ms()
        self.faults.append(Fault(kind=kind, start_ms=now_ms, end_ms=now_ms))

    def _start_front(self) -> tuple[Process, int]:
        front = self._product.start_api()
        return front, self._product.port


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
