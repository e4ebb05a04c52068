"""The receiver of the throughput rows: an nginx that answers 200 and counts."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from benchmarks.processes import debian_tool, free_port, is_listening, running, wait_until

_CONFIG = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 100000000;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200; }}
        location = /count {{ stub_status; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class NginxReceiver:
    """A running nginx."""

    port: int

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self.port}/hook"

    def count(self) -> int:
        """Return how many requests it has answered, this one included."""
        with urlopen(f"http://127.0.0.1:{self.port}/count", timeout=5) as response:
            found = re.search(r"^ \d+ \d+ (\d+)", response.read().decode(), re.MULTILINE)
        return int(found[1]) if found else 0


@contextmanager
def nginx_receiver() -> Generator[NginxReceiver]:
    """Run nginx until the block ends; raises CannotMeasure where there is none."""
    program, port = debian_tool("nginx", "nginx-light"), free_port()
    with TemporaryDirectory(prefix="qstash-bench-") as name:
        directory = Path(name)
        config = directory / "nginx.conf"
        config.write_text(_CONFIG.format(directory=directory, port=port))
        command = [program, "-c", str(config), "-e", str(directory / "error.log")]
        with running(command, log=directory / "nginx.log"):
            wait_until(lambda: is_listening(port), "nginx listens")
            yield NginxReceiver(port)
