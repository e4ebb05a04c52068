"""The rates at which other queues deliver the same request, each in one process on an empty Redis."""

import json
import subprocess
from collections.abc import Sequence

from benchmarks.backlog import BODY, HEADERS
from benchmarks.deployment import CONCURRENCY
from benchmarks.nginx_receiver import NginxReceiver
from benchmarks.peer_installs import node_peer, python_peer
from benchmarks.redis_server import redis_server
from benchmarks.row import CannotMeasure
from benchmarks.side_by_side import Rate

# With 200 at a time, each over a Redis connection of its own, its rate was lower by a third.
SAQ_CONCURRENCY = 50
_LONGEST_S = 180


def bullmq(receiver: NginxReceiver, count: int) -> Rate:
    """Return BullMQ's rate with a pool of undici, as many deliveries at a time as ours."""
    return _rate(node_peer("bullmq_delivery"), receiver, count)


def saq(receiver: NginxReceiver, count: int) -> Rate:
    """Return SAQ's rate with aiohttp, with as many deliveries at a time as suit it best."""
    return _rate(python_peer("saq_delivery"), receiver, count, SAQ_CONCURRENCY)


def dramatiq(receiver: NginxReceiver, count: int) -> Rate:
    """Return Dramatiq's rate with `requests`, on its default of eight threads."""
    return _rate(python_peer("dramatiq_delivery"), receiver, count)


def _rate(
    command: Sequence[str], receiver: NginxReceiver, count: int, concurrency: int = CONCURRENCY
) -> Rate:
    answered = receiver.count()
    with redis_server() as redis_url:
        argument = {
            "redisUrl": redis_url,
            "url": receiver.url,
            "count": count,
            "concurrency": concurrency,
            "headers": dict(HEADERS),
            "body": BODY.decode(),
        }
        told = _run([*command, json.dumps(argument)])
    arrived = receiver.count() - answered - 1
    if arrived != count:
        msg = f"{arrived} requests arrived for {count} jobs"
        raise CannotMeasure(msg)
    return Rate(per_s=float(told))


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=True)
    except subprocess.TimeoutExpired as error:
        msg = f"took longer than {_LONGEST_S} s"
        raise CannotMeasure(msg) from error
    except subprocess.CalledProcessError as error:
        msg = f"ended with status {error.returncode}: {error.stderr.strip()}"
        raise CannotMeasure(msg) from error
    return done.stdout
