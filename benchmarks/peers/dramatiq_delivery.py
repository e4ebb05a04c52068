"""The peer of delivery: a Dramatiq worker that posts with `requests`, one Session a thread.

The argument is JSON: redisUrl, url, count, concurrency, headers, body. Prints messages per second, from the
first one taken to the last one acknowledged.
"""

import json
import sys
import threading
import time
from typing import Any

import dramatiq
import requests
from dramatiq.brokers.redis import RedisBroker

_ARGUMENT: dict[str, Any] = json.loads(sys.argv[1])
_COUNT: int = _ARGUMENT["count"]
# Dramatiq's own default: threads of one Python process share its interpreter, so more of them gain nothing.
_THREADS = 8
_PATIENCE_S = 120


class _Stopwatch(dramatiq.Middleware):
    """Notes when the first message was taken and the last one acknowledged; `failed` is the first failure."""

    def __init__(self) -> None:
        self.all_acknowledged = threading.Event()
        self.started_s = self.ended_s = 0.0
        self.failed: BaseException | None = None
        self._acknowledged = 0
        self._lock = threading.Lock()

    def before_process_message(self, _broker: object, _message: object) -> None:
        self.started_s = self.started_s or time.perf_counter()

    def after_process_message(
        self,
        _broker: object,
        _message: object,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        del result
        self.failed = self.failed or exception

    def after_ack(self, _broker: object, _message: object) -> None:
        with self._lock:
            self._acknowledged += 1
            last = self._acknowledged == _COUNT
        if last:
            self.ended_s = time.perf_counter()
            self.all_acknowledged.set()


_stopwatch = _Stopwatch()
_broker = RedisBroker(url=_ARGUMENT["redisUrl"])
_broker.add_middleware(_stopwatch)
dramatiq.set_broker(_broker)
_of_thread = threading.local()


@dramatiq.actor
def post(url: str, headers: dict[str, str], body: str) -> None:
    """Post `body` over the thread's session."""
    if not hasattr(_of_thread, "session"):
        _of_thread.session = requests.Session()
    _of_thread.session.post(url, data=body.encode(), headers=headers, timeout=30).raise_for_status()


def _main() -> float:
    for _ in range(_COUNT):
        post.send(_ARGUMENT["url"], _ARGUMENT["headers"], _ARGUMENT["body"])
    worker = dramatiq.Worker(_broker, worker_threads=_THREADS)
    worker.start()
    in_time = _stopwatch.all_acknowledged.wait(_PATIENCE_S)
    worker.stop()
    if _stopwatch.failed or not in_time:
        sys.exit(f"not all messages were delivered: {_stopwatch.failed}")
    return _COUNT / (_stopwatch.ended_s - _stopwatch.started_s)


print(_main())
