"""Callbacks that were asked for with the official Python client, and verified by its receiver.

Proves the client's options and what it can read of callbacks; every story of them is told in tests/life.
"""

import json
from base64 import b64decode
from typing import Any

from qstash import QStash
from qstash import Receiver as Verifier
from qstash.message import PublishResponse

from tests.receiver import Receiver, Reply, Request
from tests.running import User
from tests.sdk.conftest import WaitFor


def _payload(user: User, receiver: Receiver, request: Request) -> dict[str, Any]:
    Verifier(user.current_key, user.next_key).verify(
        signature=request.header("upstash-signature") or "",
        body=request.body.decode(),
        url=receiver.url(request.target),
    )
    return json.loads(request.body)


def test_callback(client: QStash, user: User, receiver: Receiver, wait_for: WaitFor) -> None:
    """The answer goes to the callback, configured by its own headers, signed like any message."""
    receiver.script("/hook", Reply(status=201, body=b"made", headers=(("X-Made", "1"),)))
    response = client.message.publish_json(
        url=receiver.url("/hook"),
        body={"n": 1},
        callback=receiver.url("/done?a=b"),
        callback_headers={"Forward-X-Key": "v", "Method": "PUT", "Retries": "1"},
    )
    assert isinstance(response, PublishResponse)

    (request,) = receiver.wait_for(1, "/done")
    payload = _payload(user, receiver, request)
    assert (request.method, request.header("x-key")) == ("PUT", "v")
    assert (payload["status"], b64decode(payload["body"])) == (201, b"made")
    assert payload["header"]["X-Made"] == ["1"]
    assert payload["sourceMessageId"] == response.message_id
    callback_id = request.header("upstash-message-id") or ""
    wait_for(callback_id, "DELIVERED")
    shown = client.message.get(callback_id)
    assert (shown.url, shown.max_retries, shown.method) == (receiver.url("/done?a=b"), 1, "PUT")
    (log, *_) = client.log.list(filter={"message_id": response.message_id}).logs
    assert (log.callback, log.callback_headers) == (receiver.url("/done?a=b"), {"X-Key": ["v"]})


def test_failure_callback(client: QStash, user: User, receiver: Receiver) -> None:
    """The last failure is sent to the failure callback, with the id of the dead letter."""
    receiver.script("/broken", Reply(status=500, body=b"oops"))
    response = client.message.publish(
        url=receiver.url("/broken"),
        body="x",
        retries=0,
        failure_callback=receiver.url("/failed"),
        failure_callback_headers={"Upstash-Failure-Callback-Forward-X-Key": "v"},
    )
    assert isinstance(response, PublishResponse)

    (request,) = receiver.wait_for(1, "/failed")
    payload = _payload(user, receiver, request)
    assert request.header("x-key") == "v"
    letter = client.dlq.get(payload["dlqId"])
    assert (letter.message_id, letter.response_body) == (response.message_id, "oops")
    assert letter.failure_callback == receiver.url("/failed")
    assert letter.failure_callback_headers == {"X-Key": ["v"]}
