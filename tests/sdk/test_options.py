"""Every option of the official Python client means what it says, whichever call it comes with.

Proves that the server understands what each call makes of an option, by the message that comes back; what
an option does to a delivery is told in the other files here and in tests/life.
"""

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from qstash import QStash
from qstash.chat import custom
from qstash.message import (
    BatchJsonRequest,
    BatchRequest,
    FlowControlProperties,
    Message,
    MessageApi,
)

from tests.receiver import Receiver

SOON_S = int(time.time()) + 7200
HOOK = "http://127.0.0.1:1/hook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What to give, what to look at in the message, and what to see there."""

    given: dict[str, Any]
    look: Callable[[Message], object]
    seen: object


OPTIONS = {
    # A JSON call puts quotes around it.
    "body": Option(given={"body": "text"}, look=lambda one: (one.body or "").strip('"'), seen="text"),
    "content_type": Option(
        given={"content_type": "text/plain"},
        look=lambda one: one.headers,
        seen={"Content-Type": ["text/plain"]},
    ),
    "method": Option(given={"method": "PATCH"}, look=lambda one: one.method, seen="PATCH"),
    "headers": Option(
        given={"headers": {"X-One": "1", "upstash-forward-x-two": "2"}},
        look=lambda one: {name: (one.headers or {}).get(name) for name in ("X-One", "X-Two")},
        seen={"X-One": ["1"], "X-Two": ["2"]},
    ),
    "retries": Option(given={"retries": 7}, look=lambda one: one.max_retries, seen=7),
    "retry_delay": Option(
        given={"retry_delay": "1000 * (1 + retried)"},
        look=lambda one: one.retry_delay_expression,
        seen="1000 * (1 + retried)",
    ),
    "callback": Option(given={"callback": HOOK}, look=lambda one: one.callback, seen=HOOK),
    "callback_headers": Option(
        given={"callback": HOOK, "callback_headers": {"Forward-X": "1", "Upstash-Callback-Forward-Y": "2"}},
        look=lambda one: one.callback_headers,
        seen={"X": ["1"], "Y": ["2"]},
    ),
    "failure_callback": Option(
        given={"failure_callback": HOOK}, look=lambda one: one.failure_callback, seen=HOOK
    ),
    "failure_callback_headers": Option(
        given={"failure_callback": HOOK, "failure_callback_headers": {"Forward-X": "1", "Unknown": "2"}},
        look=lambda one: one.failure_callback_headers,
        seen={"X": ["1"]},
    ),
    "delay": Option(
        given={"delay": "1h1m"}, look=lambda one: one.not_before - one.created_at, seen=3_660_000
    ),
    "not_before": Option(given={"not_before": SOON_S}, look=lambda one: one.not_before, seen=SOON_S * 1000),
    "flow_control": Option(
        given={"flow_control": {"key": "k/1 %", "parallelism": 2, "rate": 5, "period": "1m"}},
        look=lambda one: one.flow_control,
        seen=FlowControlProperties(key="k/1 %", parallelism=2, rate=5, period=60),
    ),
    "label": Option(given={"label": "mine"}, look=lambda one: one.label, seen="mine"),
    "redact": Option(
        given={"headers": {"X-A": "1"}, "redact": {"header": ["X-A"]}},
        look=lambda one: [value[:9] for value in (one.headers or {})["X-A"]],
        seen=["REDACTED:"],
    ),
}

# A message does not show these; the file that proves each.
PROVED_ELSEWHERE = {
    "timeout": "test_publish.py",
    "deduplication_id": "test_deduplication.py",
    "content_based_deduplication": "test_deduplication.py",
    "api": "test_options.py",
    "url_group": "test_url_groups.py",
}

# Where the client itself drops an option on the way.
LOST_BY_THE_CLIENT = {("batch_json", "retry_delay")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One call that takes options, and which."""

    send: Callable[[QStash, str, dict[str, Any]], Any]
    accepts: frozenset[str]


def _parameters(method: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(method).parameters) - {"self"}


# Each keeps its message from being delivered: it is delayed, or stands in a queue that is paused.
WAYS = {
    "publish": Way(
        send=lambda client, url, options: client.message.publish(url=url, **{"delay": "1h", **options}),
        accepts=_parameters(MessageApi.publish),
    ),
    "publish_json": Way(
        send=lambda client, url, options: client.message.publish_json(url=url, **{"delay": "1h", **options}),
        accepts=_parameters(MessageApi.publish_json),
    ),
    "enqueue": Way(
        send=lambda client, url, options: client.message.enqueue(queue="held", url=url, **options),
        accepts=_parameters(MessageApi.enqueue),
    ),
    "enqueue_json": Way(
        send=lambda client, url, options: client.message.enqueue_json(queue="held", url=url, **options),
        accepts=_parameters(MessageApi.enqueue_json),
    ),
    "batch": Way(
        send=lambda client, url, options: client.message.batch(
            [BatchRequest(url=url, **{"delay": "1h", **options})]
        )[0],
        accepts=frozenset(BatchRequest.__annotations__),
    ),
    "batch_json": Way(
        send=lambda client, url, options: client.message.batch_json(
            [BatchJsonRequest(url=url, **{"delay": "1h", **options})]
        )[0],
        accepts=frozenset(BatchJsonRequest.__annotations__),
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_means_the_same_in_every_call(client: QStash, receiver: Receiver, name: str) -> None:
    """Whichever call takes it, the message shows it."""
    option = OPTIONS[name]
    client.queue.upsert("held", paused=True)
    seen = {
        way: option.look(client.message.get(call.send(client, receiver.url("/"), option.given).message_id))
        for way, call in WAYS.items()
        if name in call.accepts and (way, name) not in LOST_BY_THE_CLIENT
    }

    assert len(seen) >= 2
    assert seen == dict.fromkeys(seen, option.seen)


def test_every_option_is_proved() -> None:
    """The table has the options of all calls, and no others; what it leaves out is used where it says."""
    taken = frozenset[str]().union(*(way.accepts for way in WAYS.values())) - {"url", "queue"}

    assert taken == {*OPTIONS, *PROVED_ELSEWHERE}
    for name, file in PROVED_ELSEWHERE.items():
        source = Path(__file__).with_name(file).read_text(encoding="utf-8")
        assert f"{name}=" in source, name


@pytest.mark.parametrize("delay", [90, "90s", "1m30s"])
def test_numbers_become_durations(client: QStash, receiver: Receiver, delay: Any) -> None:
    """An integer is the same as its duration in seconds."""
    response: Any = client.message.publish(url=receiver.url("/"), delay=delay)

    message = client.message.get(response.message_id)
    assert message.not_before - message.created_at == 90_000


def test_an_llm_provider_is_a_destination_like_any_other(client: QStash, receiver: Receiver) -> None:
    """The client resolves its `api` option itself: path, and a forwarded Authorization."""
    api: Any = {"name": "llm", "provider": custom(base_url=receiver.url(""), token="sk-1")}
    client.message.publish_json(api=api, body={"model": "m"})
    client.message.enqueue_json(queue="llm", api=api, body={"model": "m"})
    client.message.batch_json([{"api": api, "body": {"model": "m"}}])

    for request in receiver.wait_for(3):
        assert (request.method, request.target) == ("POST", "/v1/chat/completions")
        assert (request.header("authorization"), request.body) == ("Bearer sk-1", b'{"model": "m"}')
