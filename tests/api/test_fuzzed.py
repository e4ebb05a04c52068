"""The front under schemathesis, which sends what the description allows and what it does not.

It must never be answered with a 5xx, nor with a status, content type, header or shape that is not described,
nor be let in without a token.
"""

import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qstash_rq.core import Core, open_core
from qstash_rq.publish import PublishRequest, publish, schedule
from qstash_rq.queues import upsert_queue
from qstash_rq.settings import DEVELOPMENT_TOKEN, Settings
from qstash_rq.url_group import Endpoint
from qstash_rq.url_groups import upsert_endpoints
from qstash_rq.users import FIRST_USER, ensure_first_user
from tests.api.described import DESCRIPTION
from tests.api.live_server import Server, start, stop
from tests.api.serving import BEARER, NOT_FOUND, deliver
from tests.leaks import find_leaks
from tests.waiting import wait_until

BUDGET_S = int(os.environ.get("FUZZ_SECONDS", "20"))
# The same calls in each `make test`, so that it fails for what has changed; others in each `make fuzz`.
SEED = os.environ.get("FUZZ_SEED", str(random.getrandbits(32)) if "FUZZ_SECONDS" in os.environ else "1")
# All but the one that schemathesis reads the description from.
OPERATIONS = sum(len(described) for described in DESCRIPTION["paths"].values()) - 1
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)


@pytest.fixture
def core(valkey: str) -> Iterator[Core]:
    """Give a core on an empty server, with what the examples of the description name, and dead letters."""
    opened = open_core(Settings(redis_url=valkey, token=DEVELOPMENT_TOKEN, allow_private_networks=True))
    opened.store.command("FLUSHALL")
    ensure_first_user(opened)
    upsert_queue(opened, FIRST_USER, "orders")
    upsert_endpoints(opened, FIRST_USER, "my-group", (Endpoint(url="https://a.io/1", name="one"),))
    cron = (("Upstash-Cron", "0 8 * * 1"), ("Upstash-Schedule-Id", "every-monday"))
    schedule(opened, FIRST_USER, PublishRequest(destination="my-group", headers=cron, body=b"x"))
    for _ in range(20):
        publish_one(opened)
    deliver(opened, NOT_FOUND)
    yield opened
    opened.store.command("FLUSHALL")
    opened.store.client.close()


def number(pattern: str, report: str) -> int:
    """Return the number that `pattern` finds in a report, or 0."""
    found = re.search(pattern, report)
    return int(found[1]) if found else 0


def publish_one(core: Core) -> None:
    """Publish a message under a flow-control key."""
    headers = (
        ("Upstash-Retries", "0"),
        ("Upstash-Flow-Control-Key", "user/42"),
        ("Upstash-Flow-Control-Value", "rate=1000"),
    )
    publish(core, FIRST_USER, PublishRequest(destination="https://a.io", headers=headers, body=b"x"))


@pytest.fixture
def server(core: Core, tmp_path: Path) -> Iterator[Server]:
    """Give a running server with a port."""
    running = Server(tmp_path)
    settings = {"QSTASH_TOKEN": DEVELOPMENT_TOKEN, "QSTASH_ALLOW_PRIVATE_NETWORKS": "true"}
    process = start(tmp_path, "--bind", "127.0.0.1:0", REDIS_URL=core.settings.redis_url, **settings)
    try:
        wait_until(running.answers, "gunicorn answers")
        yield running
    finally:
        stop(process, tmp_path)


@pytest.mark.timeout(BUDGET_S + 150)
def test_answers_only_what_is_described(server: Server, core: Core, tmp_path: Path) -> None:
    """Thousands of calls, good and bad, alone and in sequence, get described answers and none of 5xx."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url()}/openapi.json"]
    command += ["--header", f"Authorization: {BEARER}", "--checks", ",".join(CHECKS)]
    command += ["--max-time", str(BUDGET_S), "--continue-on-failure", "--no-color", "--warnings", "off"]
    command += ["--seed", SEED]

    # In a folder of its own: it keeps what it finds in the current one, and would read a configuration there.
    limit_s = BUDGET_S + 120
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=limit_s)

    report = f"{run.stdout[-6_000:]}{run.stderr}{server.error_log.read_text()[-3_000:]}"
    assert run.returncode == 0, report
    assert number(r"Selected: (\d+)/", run.stdout) == OPERATIONS, report
    # On a busy machine the budget ends early, but not before each operation was called.
    assert number(r"(\d+) generated", run.stdout) > OPERATIONS, report
    publish_one(core)  # while a message lives, only keys that nobody declared count as leaks
    assert find_leaks(core.settings.redis_url) == []
