"""The development server: which processes it has, with which settings, and what it tells its user."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from qstash_rq.cli.child import ProcessSpec
from qstash_rq.cli.console import Console
from qstash_rq.cli.data_dir import DataDir, claim_data_dir
from qstash_rq.cli.embedded_valkey import valkey_command, valkey_environ
from qstash_rq.cli.ports import LOOPBACK, any_free_port, is_free
from qstash_rq.cli.readiness import api_is_ready, valkey_is_ready
from qstash_rq.cli.start_errors import StartError
from qstash_rq.cli.supervisor import Stages, Supervisor
from qstash_rq.settings import (
    DEVELOPMENT_CURRENT_SIGNING_KEY,
    DEVELOPMENT_NEXT_SIGNING_KEY,
    DEVELOPMENT_TOKEN,
)

_VALKEY_PORT = 16379
_WORKER_GRACE_S = 120.0
_API_GRACE_S = 40.0


def run_development(*, port: int, data_dir: Path) -> int:
    """Run everything until told to stop; returns the exit status.

    Raises StartError when the port or the directory is taken.
    """
    with claim_data_dir(data_dir) as claimed:
        if not is_free(port):
            msg = (
                f"PORT: {LOOPBACK}:{port} is in use; set PORT to a free one, e.g. `PORT={port + 1} make run`"
            )
            raise StartError(msg)
        valkey_port = _VALKEY_PORT if is_free(_VALKEY_PORT) else any_free_port()
        profile = development_profile(port, f"redis://{LOOPBACK}:{valkey_port}/0")
        stages = ((_valkey(claimed, valkey_port),), _ours(port, profile))
        console = Console(spec.name for stage in stages for spec in stage)
        return asyncio.run(_supervise(stages, console, greeting(profile)))


async def _supervise(stages: Stages, console: Console, welcome: str) -> int:
    return await Supervisor(stages, console.line).run(lambda: console.block(welcome))


def development_profile(port: int, redis_url: str) -> dict[str, str]:
    """Return the settings of a development server: public token and keys, private networks allowed."""
    return {
        "QSTASH_URL": f"http://{LOOPBACK}:{port}",
        "QSTASH_TOKEN": DEVELOPMENT_TOKEN,
        "QSTASH_CURRENT_SIGNING_KEY": DEVELOPMENT_CURRENT_SIGNING_KEY,
        "QSTASH_NEXT_SIGNING_KEY": DEVELOPMENT_NEXT_SIGNING_KEY,
        "QSTASH_ALLOW_PRIVATE_NETWORKS": "true",
        "REDIS_URL": redis_url,
        "PORT": str(port),
    }


def greeting(profile: Mapping[str, str]) -> str:
    """Return what to paste into another terminal."""
    shown = (
        "QSTASH_URL",
        "QSTASH_TOKEN",
        "QSTASH_CURRENT_SIGNING_KEY",
        "QSTASH_NEXT_SIGNING_KEY",
        "REDIS_URL",
    )
    exports = "\n".join(f"export {name}={profile[name]}" for name in shown)
    url = profile["QSTASH_URL"]
    headers = f"-H 'Authorization: Bearer {profile['QSTASH_TOKEN']}' -H 'Upstash-Method: GET'"
    example = f"curl -X POST {url}/v2/publish/{url}/health {headers}"
    return f"""
qstash-rq is ready at {url}. Paste this where your application runs:

{exports}

Publish a message; this one goes to the server's own health check:

{example}

See its queues with `rq info -u $REDIS_URL`. Ctrl-C stops everything.
The token and the keys are public constants: for development only.

"""


def _valkey(data_dir: DataDir, port: int) -> ProcessSpec:
    settings = {
        "bind": LOOPBACK,
        "loglevel": "warning",
        "port": str(port),
        "dir": str(data_dir.path),
        "pidfile": str(data_dir.server_pid),
    }
    return ProcessSpec(
        name="valkey",
        command=valkey_command(settings),
        environ=valkey_environ(),
        is_ready=partial(valkey_is_ready, port),
        grace_s=30.0,
        orphan_signal=signal.SIGTERM,  # it must write its last second to disk
        keep_fds=(data_dir.server_lock,),
    )


def _ours(port: int, profile: Mapping[str, str]) -> tuple[ProcessSpec, ...]:
    # RQ's own variables would send the worker elsewhere; only the prefix is common to all.
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("RQ_") or name == "RQ_KEY_PREFIX"
    }
    environ = {**inherited, **profile, "PYTHONUNBUFFERED": "1"}

    def python(*words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", *words)

    return (
        ProcessSpec(
            name="api",
            command=python(
                "gunicorn", "-c", "python:api.gunicorn_conf", "--bind", f"{LOOPBACK}:{port}", "api.asgi:app"
            ),
            environ=environ,
            is_ready=partial(api_is_ready, port),
            grace_s=_API_GRACE_S,
        ),
        ProcessSpec(
            name="worker",
            command=python("rq.cli", "worker", "-w", "workers.DeliveryWorker"),
            environ=environ,
            grace_s=_WORKER_GRACE_S,
        ),
        ProcessSpec(name="scheduler", command=python("workers.scheduler"), environ=environ),
    )
