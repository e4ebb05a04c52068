"""The yardstick of the publish row: a Flask route that does one SET, and nothing else."""

import os
from itertools import count

from flask import Flask, Response, request

from qstash_rq.store.connection import open_client

app = Flask("bare")
_client = open_client(os.environ["REDIS_URL"])
_client.execute_command("PING")  # as the product asks something at its start
_numbers = count()


@app.post("/v2/publish/<path:destination>")
def store(destination: str) -> Response:
    """Store the body under a key of its own."""
    del destination
    key = f"bare:{os.getpid()}:{next(_numbers)}"
    _client.execute_command("SET", key, request.get_data())
    return Response(f'{{"messageId":"{key}"}}', mimetype="application/json")
