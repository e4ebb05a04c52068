"""Run `wrk` and read its report."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import debian_tool
from benchmarks.row import CannotMeasure

CONNECTIONS = 32

_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
_P99 = re.compile(r"^\s+99%\s+([\d.]+)(us|ms|s|m)\s*$", re.MULTILINE)
# wrk prints these lines only when there is something to complain about.
_TROUBLE = re.compile(r"^\s*(Non-2xx.*|Socket errors.*)$", re.MULTILINE)

_NUMBERED = """
local number = 0
request = function()
  number = number + 1
  wrk.headers["{name}"] = string.format("%016d", number)
  return wrk.format()
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What wrk measured."""

    requests_per_s: float
    p99_ms: float


def post(
    url: str, headers: dict[str, str], body: str, seconds: int, *, numbered: str | None = None
) -> Report:
    """Post `body` to `url` for `seconds` over 32 connections; raises CannotMeasure unless all is 2xx.

    The header `numbered` says another number in each request.
    """
    program = debian_tool("wrk", "wrk")
    with TemporaryDirectory(prefix="qstash-bench-") as directory:
        lua = Path(directory) / "post.lua"
        lines = ['wrk.method = "POST"', f'wrk.body = "{body}"']
        lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
        lua.write_text("\n".join(lines) + (_NUMBERED.format(name=numbered) if numbered else ""))
        command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(lua), url]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30)
    return _read(done.stdout)


def _read(text: str) -> Report:
    trouble, rate, p99 = _TROUBLE.search(text), _RATE.search(text), _P99.search(text)
    if trouble is not None or rate is None or p99 is None:
        msg = f"wrk reports trouble:\n{text}"
        raise CannotMeasure(msg)
    return Report(requests_per_s=float(rate[1]), p99_ms=float(p99[1]) * _UNITS_MS[p99[2]])
