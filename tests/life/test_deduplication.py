"""Deduplication: the same thing asked for twice is done once (contract 3.7)."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.life.caller import Answer, Caller
from tests.receiver import Receiver, Reply
from tests.running import Product, open_product
from tests.waiting import wait_until

CALLERS = 40
CONTENT = {"Upstash-Content-Based-Deduplication": "true"}


def _id(name: str) -> dict[str, str]:
    return {"Upstash-Deduplication-Id": name}


def _publish(api: Caller, url: str, headers: dict[str, str], body: bytes = b"x") -> Answer:
    return api.call("POST", f"/v2/publish/{url}", headers=headers, body=body)


def test_a_duplicate_is_answered_with_the_first_id(api: Caller, receiver: Receiver) -> None:
    """The second publish is accepted with 202, makes no message, and leaves nothing in the log."""
    first = _publish(api, receiver.url("/"), _id("one"))
    second = _publish(api, receiver.url("/"), _id("one"))

    message_id = first.json()["messageId"]
    assert (first.status, first.json()) == (200, {"messageId": message_id, "url": receiver.url("/")})
    assert second.status == 202
    assert second.json() == {"messageId": message_id, "url": receiver.url("/"), "deduplicated": True}
    assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    assert _publish(api, receiver.url("/"), _id("one")).status == 202
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("headers", [_id("race"), CONTENT], ids=["by id", "by content"])
def test_of_forty_callers_at_once_one_is_first(
    product: Product, receiver: Receiver, headers: dict[str, str]
) -> None:
    """Exactly one of many concurrent publishes makes a message, and all hear of its id."""
    api = Caller(product.port)
    body = repr(headers).encode()
    with ThreadPoolExecutor(CALLERS) as threads:
        answers = list(
            threads.map(lambda _: _publish(api, receiver.url("/race"), headers, body), range(CALLERS))
        )

    assert Counter(answer.status for answer in answers) == {200: 1, 202: CALLERS - 1}
    (message_id,) = {answer.json()["messageId"] for answer in answers}
    api.wait_until_delivered(message_id)
    assert len(receiver.requests) == 1


def test_the_same_content_in_another_order(api: Caller, receiver: Receiver) -> None:
    """Neither the order of headers nor the case of their names makes another message; anything else does."""
    url = receiver.url("/content")
    headers = {**CONTENT, "Content-Type": "a/b", "Upstash-Forward-X-One": "1", "Upstash-Forward-X-Two": "2"}
    turned = {name.upper(): headers[name] for name in reversed(headers)}
    statuses = [
        _publish(api, url, changed, body).status
        for changed, body in (
            (headers, b"x"),
            (turned, b"x"),
            ({**headers, "Upstash-Retries": "9"}, b"x"),
            (headers, b"y"),
            ({**headers, "Content-Type": "a/c"}, b"x"),
            ({**headers, "Upstash-Forward-X-Two": "3"}, b"x"),
        )
    ]
    assert statuses == [200, 202, 202, 200, 200, 200]
    assert _publish(api, url + "/", headers).status == 200


def test_whatever_becomes_of_the_first(api: Caller, receiver: Receiver) -> None:
    """A message that failed, and one that was cancelled, still stand for their duplicates."""
    receiver.script("/broken", Reply(status=500))
    headers = {**_id("failed"), "Upstash-Retries": "0"}
    failed = _publish(api, receiver.url("/broken"), headers).json()["messageId"]
    api.wait_for(failed, "FAILED")
    canceled = _publish(api, receiver.url("/"), {**_id("gone"), "Upstash-Delay": "1h"}).json()["messageId"]
    assert api.call("DELETE", f"/v2/messages/{canceled}").status == 200

    for name, message_id in (("failed", failed), ("gone", canceled)):
        answer = _publish(api, receiver.url("/"), _id(name))
        assert (answer.status, answer.json()["messageId"]) == (202, message_id)


def test_publish_enqueue_and_batch_share_ids(product: Product, receiver: Receiver) -> None:
    """An id is the user's, whichever call brings it; another user's is another id."""
    api = Caller(product.port, product.add_user("deduplicator").token)
    first = api.call("POST", f"/v2/enqueue/once/{receiver.url('/')}", headers=_id("shared"))
    again = _publish(api, receiver.url("/other"), _id("shared"))
    items = [
        {"destination": receiver.url("/"), "headers": {"upstash-deduplication-id": name}} for name in "ab"
    ]
    items.append({"destination": receiver.url("/"), "headers": {"upstash-deduplication-id": "shared"}})
    batch = api.call("POST", "/v2/batch", body=json.dumps(items).encode())
    batch_again = api.call("POST", "/v2/batch", body=json.dumps(items).encode())

    assert (first.status, again.status) == (200, 202)
    assert again.json()["messageId"] == batch.json()[2]["messageId"] == first.json()["messageId"]
    assert [element.get("deduplicated") for element in batch.json()] == [None, None, True]
    assert [element["messageId"] for element in batch_again.json()] == [
        element["messageId"] for element in batch.json()
    ]
    assert batch_again.status == 202
    assert _publish(Caller(product.port), receiver.url("/"), _id("shared")).status == 200


def test_a_refused_publish_uses_no_id(api: Caller, receiver: Receiver) -> None:
    """After a publish that was refused, the same id is still free."""
    headers = _id("refused")
    assert _publish(api, receiver.url("/"), {**headers, "Upstash-Retries": "many"}).status == 400
    assert api.call("POST", "/v2/publish/nowhere", headers=headers).status == 404

    assert _publish(api, receiver.url("/"), headers).status == 200


def test_a_false_asks_for_nothing(api: Caller, receiver: Receiver) -> None:
    """`False`, as Python writes it, is no; and an explicit id decides whatever the content."""
    url = receiver.url("/same")
    headers = {"Upstash-Content-Based-Deduplication": "False"}
    assert [_publish(api, url, headers).status for _ in range(2)] == [200, 200]

    both = [{**CONTENT, **_id("x1")}, {**CONTENT, **_id("x2")}, {**CONTENT, **_id("x1")}]
    assert [_publish(api, url, one).status for one in both] == [200, 200, 202]


def test_the_window(tmp_path: Path, receiver: Receiver) -> None:
    """An id is remembered from the first publish for as long as the setting says, and not longer."""
    with open_product(tmp_path, QSTASH_DEDUP_WINDOW_MS="700") as product, product.watched():
        product.start_api()
        api = Caller(product.port)
        url = receiver.url("/")
        start = time.monotonic()
        assert _publish(api, url, _id("window")).status == 200
        assert _publish(api, url, _id("window")).status == 202

        wait_until(lambda: _publish(api, url, _id("window")).status == 200, "the id is forgotten")
        assert 0.69 <= time.monotonic() - start < 5
