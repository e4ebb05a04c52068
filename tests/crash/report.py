"""What a child tells before it dies: one JSON line for each call to Redis and each delivery.

A line is written at once and in one piece: what has happened is told even when the process
has no time left to end.
"""

import json
import os
from typing import Any

from qstash_rq.clock import Clock


class Report:
    """The child's end of the pipe."""

    def __init__(self, descriptor: int, clock: Clock) -> None:
        self._descriptor = descriptor
        self._clock = clock

    def tell(self, kind: str, **fields: Any) -> None:
        """Write one line."""
        line = {"kind": kind, "at_ms": self._clock.now_ms(), **fields}
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")


def lines_of(written: bytes) -> list[dict[str, Any]]:
    """Return the lines of a whole report."""
    return [json.loads(line) for line in written.splitlines()]
