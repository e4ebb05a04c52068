"""What was published with the client's `redact` is shown nowhere, and delivered as it was."""

from base64 import b64decode
from hashlib import sha256

import pytest
from qstash import QStash
from qstash.message import PublishResponse, Redact

from tests.receiver import Receiver, Reply
from tests.sdk.conftest import WaitFor

HEADERS = {"Authorization": "Bearer mine", "X-Open": "open"}


def _marker(original: str) -> str:
    return f"REDACTED:{sha256(original.encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("redact", "body", "authorization", "open_header"),
    [
        ({"body": True}, True, False, False),
        ({"header": True}, False, True, True),
        ({"header": ["authorization"]}, False, True, False),
        ({"body": True, "header": ["Authorization", "X-Open"]}, True, True, True),
    ],
    ids=["body", "headers", "one-header", "both"],
)
def test_hidden(
    client: QStash,
    receiver: Receiver,
    wait_for: WaitFor,
    redact: Redact,
    body: bool,
    authorization: bool,
    open_header: bool,
) -> None:
    """The message, its log and its dead letter show markers; the endpoint gets the originals."""
    receiver.script("/broken", Reply(status=500))
    response = client.message.publish(
        url=receiver.url("/broken"), body="secret", headers=HEADERS, redact=redact, retries=0
    )
    assert isinstance(response, PublishResponse)
    wait_for(response.message_id, "FAILED")

    shown_body = _marker("secret") if body else "secret"
    shown_headers = {
        "Authorization": [_marker("Bearer mine") if authorization else "Bearer mine"],
        "X-Open": [_marker("open") if open_header else "open"],
    }
    (letter,) = client.dlq.list(filter={"message_id": response.message_id}).messages
    for shown in (client.message.get(response.message_id), letter, client.dlq.get(letter.dlq_id)):
        assert (shown.body, shown.body_base64) == (shown_body, None)
        assert shown.headers == shown_headers
    for log in client.log.list(filter={"message_id": response.message_id}).logs:
        assert (b64decode(log.body_base64 or "").decode(), log.headers) == (shown_body, shown_headers)
    (request,) = receiver.requests
    assert (request.body, request.header("authorization")) == (b"secret", "Bearer mine")
    assert request.header("x-open") == "open"
