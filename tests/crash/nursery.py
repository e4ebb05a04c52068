"""Forks a child for every line it reads: `python -m tests.crash.nursery`.

A process without threads that has everything imported, so a child costs milliseconds. It
answers with how the child ended and all that it reported.
"""

import base64
import faulthandler
import json
import os
import select
import signal
import sys
import time
import traceback
from typing import Any

from tests.clock import FakeClock
from tests.crash.catalogue import SCENARIOS
from tests.crash.deployment import settings_of
from tests.crash.point import Point
from tests.crash.report import Report
from tests.crash.seam import Seam
from tests.crash.stage import Stage

PATIENCE_S = 20


def main() -> None:
    """Serve until there are no more lines."""
    faulthandler.enable()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what children print is no answer
    for line in sys.stdin:
        status, report = _run(json.loads(line))
        answers.write(json.dumps({"status": status, "report": base64.b64encode(report).decode()}) + "\n")
        answers.flush()


def _run(order: dict[str, Any]) -> tuple[int, bytes]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _live(order, writer)
    os.close(writer)
    report = _read(reader, pid)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), report


def _read(reader: int, pid: int) -> bytes:
    report, end_s = b"", time.monotonic() + PATIENCE_S
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0, end_s - time.monotonic()))[0]:
            chunk = pipe.read(65_536)
            if not chunk:
                return report
            report += chunk
    sys.stderr.write(f"child {pid} goes on for ever\n")
    os.kill(pid, signal.SIGABRT)  # faulthandler says where it hangs
    return report


def _live(order: dict[str, Any], writer: int) -> None:
    status = 1
    try:
        clock = FakeClock(order["now_ms"])
        report = Report(writer, clock)
        target = None if order["target"] is None else Point(*order["target"])
        scenario = SCENARIOS[order["scenario"]]
        stage = Stage(
            seam=Seam(report, target),
            report=report,
            settings=settings_of(order["redis_url"], **scenario.settings),
            clock=clock,
            known=order["known"],
            may_be_refused=order["may_be_refused"],
        )
        scenario.act(stage)
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the child must not go on as a second nursery
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
