"""Every line of the product that sends to Redis, read from its source: the sweep must come by all."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "qstash_rq", "workers")
# What is called on what; a command given to a pipeline leaves with its execute.
_SENDERS = {
    "store": {"run", "run_all", "command", "commands"},
    "_store": {"run", "command"},
    "client": {"execute_command"},
    "pipeline": {"execute"},
}


@dataclass(frozen=True, slots=True)
class CallSite:
    """One call in the source."""

    path: str
    first_line: int
    last_line: int

    def was_passed(self, sites: frozenset[str]) -> bool:
        """Tell whether one of `sites` (path:line) is this call."""
        return any(f"{self.path}:{line}" in sites for line in range(self.first_line, self.last_line + 1))


def call_sites() -> list[CallSite]:
    """Return all of them."""
    return [
        site
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for site in _sites_in(path)
    ]


def _sites_in(path: Path) -> Iterator[CallSite]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            on = node.func.value
            subject = on.attr if isinstance(on, ast.Attribute) else on.id if isinstance(on, ast.Name) else ""
            if node.func.attr in _SENDERS.get(subject, ()):
                last_line = node.end_lineno or node.lineno
                yield CallSite(str(path.relative_to(ROOT)), node.lineno, last_line)
