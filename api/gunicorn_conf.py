"""How gunicorn serves the front: `gunicorn -c python:api.gunicorn_conf api.wsgi:app`.

Any value here can be overridden on gunicorn's command line. Why gunicorn, and why threads, is in
`docs/adr/0010-web-server.md`.
"""

import json
import os
import socket
from http import HTTPStatus
from pathlib import Path

from gunicorn import util
from gunicorn.http import message

from api.repeated_fields import keep_repeated_fields
from qstash_rq.settings import Settings

_LONGEST_REQUEST_LINE = 65_536
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes a file of its own there

bind = f"0.0.0.0:{Settings.from_env().port}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 16
keepalive = 75
timeout = 60
graceful_timeout = 30

# Destinations stand in the request line. gunicorn cuts the setting at 8,190 and its 0 means no limit at all,
# so the ceiling itself is raised. A test holds gunicorn to it.
message.MAX_REQUEST_LINE = _LONGEST_REQUEST_LINE
limit_request_line = _LONGEST_REQUEST_LINE
limit_request_fields = 200
limit_request_field_size = 16_384
http_parser = "python"  # the one that is measured and tested, whatever else is installed

pre_request = keep_repeated_fields
errorlog = "-"
accesslog = None
control_socket_disable = True
if _SHARED_MEMORY.is_dir():
    worker_tmp_dir = str(_SHARED_MEMORY)  # a heartbeat must not wait for a disk


def write_json_error(sock: socket.socket, status_int: int, reason: str, mesg: str) -> None:
    """Answer what gunicorn refuses by itself in the one shape of an error (contract 0.2)."""
    body = json.dumps({"error": mesg or reason or HTTPStatus(status_int).phrase}) + "\n"
    head = (
        f"HTTP/1.1 {status_int} {reason}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, (head + body).encode("latin-1"))


util.write_error = write_json_error
