"""The log as its reader sees it: newest first, page by page, by any filter."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.life.caller import Caller, Json
from tests.receiver import Receiver, Reply
from tests.running import Product

MESSAGES = 200


def _pages(api: Caller, target: str, **query: Any) -> Iterator[list[Json]]:
    cursor: dict[str, str] = {}
    while True:
        page = api.get(target, **query, **cursor)
        yield page["events"]
        if "cursor" not in page:
            return
        cursor = {"cursor": page["cursor"]}


@pytest.mark.parametrize(("target", "count"), [("/v2/events", 7), ("/v2/events", 1000), ("/v2/logs", 100)])
def test_pages_have_no_gap_and_no_repeat(
    product: Product, receiver: Receiver, target: str, count: int
) -> None:
    """Following the cursor gives every record once, newest first, and the last page has no cursor."""
    api = Caller(product.port, product.add_user(f"pages-{target[4:]}-{count}").token)
    ids = [api.publish(receiver.url("/")) for _ in range(MESSAGES)]
    for message_id in ids:
        api.wait_until_delivered(message_id)

    pages = list(_pages(api, target, count=count))
    assert all(len(page) == count for page in pages[:-1])
    records = [record for page in pages for record in page]
    times = [record["time"] for record in records]
    assert times == sorted(times, reverse=True)
    seen = [(record["messageId"], record["state"]) for record in records[::-1]]
    assert len(seen) == len(set(seen)) == 3 * MESSAGES
    for message_id in ids:
        assert [state for one, state in seen if one == message_id] == ["CREATED", "ACTIVE", "DELIVERED"]


def test_paging_holds_still_while_the_log_grows(product: Product, receiver: Receiver) -> None:
    """What is written between two pages does not shift the second one."""
    api = Caller(product.port, product.add_user("growing-log").token)
    old = [api.publish(receiver.url("/"), headers={"Upstash-Delay": "1h"}) for _ in range(10)]

    seen: list[str] = []
    for page in _pages(api, "/v2/events", count=3):
        seen.extend(record["messageId"] for record in page)
        api.publish(receiver.url("/"), headers={"Upstash-Delay": "1h"})
    assert seen == old[::-1]


def test_filters_choose_records(api: Caller, receiver: Receiver) -> None:
    """Label, address, queue, state and time each narrow the log, and together they narrow it further."""
    receiver.script("/filtered/b", Reply(status=500))
    url_a, url_b = receiver.url("/filtered/a?x=1"), receiver.url("/filtered/b")
    labels = {"Upstash-Label": "log-a, log-both", "Upstash-Retries": "0"}
    one = api.enqueue("filtered", url_a, headers=labels)
    two = api.publish(url_b, headers={"Upstash-Label": "log-b,log-both", "Upstash-Retries": "0"})
    api.wait_until_delivered(one)
    api.wait_for(two, "FAILED")

    def chosen(**query: Any) -> set[tuple[str, str]]:
        records = api.get("/v2/events", **query)["events"]
        return {(record["messageId"], record["state"]) for record in records}

    of_one = {(one, "CREATED"), (one, "ACTIVE"), (one, "DELIVERED")}
    of_two = {(two, "CREATED"), (two, "ACTIVE"), (two, "ERROR"), (two, "FAILED")}
    host = urlsplit(url_a).netloc
    assert chosen(label="log-a") == of_one
    assert chosen(label=["log-a", "log-b"]) == chosen(label="log-a,log-b") == of_one | of_two
    assert chosen(url=url_a) == of_one
    assert chosen(url=receiver.url("/filtered/a")) == set()
    assert chosen(host=host) == of_one | of_two
    assert chosen(host=host, path="/filtered/b") == of_two
    assert chosen(queueName="filtered") == of_one
    assert chosen(messageIds=[one, two], state="DELIVERED") == {(one, "DELIVERED")}
    assert chosen(label="log-both", state="IN_PROGRESS") == {(one, "ACTIVE"), (two, "ACTIVE"), (two, "ERROR")}
    failed_ms = api.log(two)[-1]["time"]
    assert (two, "FAILED") in chosen(label="log-both", fromDate=failed_ms, toDate=failed_ms)
    assert chosen(label="log-both", fromDate=failed_ms + 60_000) == set()
    assert chosen(label="log-both", toDate=failed_ms - 60_000) == set()


def test_the_oldest_may_come_first(api: Caller, receiver: Receiver) -> None:
    """`order=earliestFirst` turns the log around."""
    message_id = api.publish(receiver.url("/"))
    api.wait_until_delivered(message_id)

    records = api.get("/v2/events", messageId=message_id, order="earliestFirst")["events"]
    assert [record["state"] for record in records] == ["CREATED", "ACTIVE", "DELIVERED"]
    assert records == api.log(message_id)


def test_every_record_carries_its_message(api: Caller, receiver: Receiver) -> None:
    """Whatever the state, a record shows what was published."""
    headers = {
        "Content-Type": "text/plain",
        "Upstash-Forward-X-A": "1",
        "Upstash-Label": "whole",
        "Upstash-Retries": "2",
        "Upstash-Retry-Delay": "5 * retried",
        "Upstash-Timeout": "90s",
    }
    message_id = api.enqueue("whole", receiver.url("/whole"), b"abc", headers=headers)
    api.wait_until_delivered(message_id)

    records = api.log(message_id)
    for record in records:
        del record["time"], record["state"]
    assert (
        records
        == [
            {
                "messageId": message_id,
                "url": receiver.url("/whole"),
                "method": "POST",
                "maxRetries": 2,
                "header": {"Content-Type": ["text/plain"], "X-A": ["1"]},
                "body": "YWJj",
                "queueName": "whole",
                "callerIP": "127.0.0.1",
                "callerIp": "127.0.0.1",
                "label": "whole",
                "labels": ["whole"],
                "retryDelayExpression": "5 * retried",
                "retryDelayExpr": "5 * retried",
                "timeout": 90_000,
            }
        ]
        * 3
    )
