"""Load the Lua scripts and describe one call of them as a value.

A script file names the parts it builds on in a `-- uses:` line; they are put above
it, below the constants with the key names. A `Call` is run by either executor
(`qstash_rq.store.executor`), so that no verb exists twice, once sync and once async.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Generic, TypeVar

from qstash_rq.store.preamble import lua_preamble

T = TypeVar("T")

_USES = re.compile(r"^-- uses: (.+)$", re.MULTILINE)
_LUA = files("qstash_rq.store").joinpath("lua")


@dataclass(frozen=True, slots=True)
class Script:
    """A loaded script: its whole text and the digest EVALSHA wants."""

    name: str
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call of a script: what to send and how to read the answer."""

    script: Script
    keys: tuple[str, ...]
    args: tuple[str | bytes | int, ...]
    decode: Callable[[Any], T]

    def command(self, *, whole: bool) -> tuple[str | bytes | int, ...]:
        """Return the Redis command: EVAL with the `whole` text, or EVALSHA."""
        head = ("EVAL", self.script.text) if whole else ("EVALSHA", self.script.digest)
        return (*head, len(self.keys), *self.keys, *self.args)


@cache
def load_script(name: str) -> Script:
    """Read `lua/<name>.lua` with its parts and the key names."""
    source = _LUA.joinpath(f"{name}.lua").read_text(encoding="utf-8")
    uses = _USES.search(source)
    parts = uses.group(1).split(", ") if uses else []
    texts = [_LUA.joinpath("parts", f"{part}.lua").read_text(encoding="utf-8") for part in parts]
    text = "".join([lua_preamble(), *texts, source])
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def load_every_script() -> None:
    """Read all scripts now: a process that may open no more files later has them already."""
    for file in _LUA.iterdir():
        if file.name.endswith(".lua"):
            load_script(file.name.removesuffix(".lua"))
