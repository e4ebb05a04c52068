"""How gunicorn serves the front: `gunicorn -c python:api.gunicorn_conf api.asgi:app`.

Any value here can be overridden on gunicorn's command line. Why gunicorn, and why an event loop, is in
`docs/adr/0010-web-server.md`.
"""

import os
from pathlib import Path

from api.hidden_token import hide_token
from qstash_rq.settings import Settings

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes a file of its own there

bind = f"0.0.0.0:{Settings.from_env().port}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "api.gunicorn_worker.FrontWorker"
asgi_loop = "uvloop"
asgi_lifespan = "off"
keepalive = 75
timeout = 60
graceful_timeout = 30

# Destinations stand in the request line.
limit_request_line = 65_536
limit_request_fields = 200
limit_request_field_size = 16_384
http_parser = "python"  # whose state `api/gunicorn_protocol.py` looks at, whatever else is installed

pre_request = hide_token
errorlog = "-"
accesslog = None
control_socket_disable = True
if _SHARED_MEMORY.is_dir():
    worker_tmp_dir = str(_SHARED_MEMORY)  # a heartbeat must not wait for a disk
