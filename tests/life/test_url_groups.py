"""URL groups: one publish, a message for each endpoint, all at once or none (contract 2.5, 3.8)."""

import json
from typing import Any

import pytest

from tests.life.caller import Answer, Caller, Json
from tests.receiver import Receiver, Reply

ENDPOINTS = 100


def _add(api: Caller, group: str, *endpoints: Json) -> Answer:
    body = json.dumps({"endpoints": endpoints}).encode()
    return api.call("POST", f"/v2/topics/{group}/endpoints", body=body)


def _set_headers(api: Caller, group: str, headers: dict[str, Any]) -> Answer:
    return api.call("PATCH", f"/v2/topics/{group}", body=json.dumps({"headers": headers}).encode())


def _publish(api: Caller, group: str, *, headers: dict[str, str] | None = None) -> list[Json]:
    answer = api.call("POST", f"/v2/publish/{group}", headers=headers or {}, body=b"to all")
    assert answer.status == 200, answer
    return answer.json()


@pytest.mark.parametrize("queue", [None, "of-the-hundred"], ids=["at once", "through a queue"])
def test_a_hundred_endpoints(api: Caller, receiver: Receiver, queue: str | None) -> None:
    """One call, a hundred deliveries: ids and order of the answer are those of the endpoints."""
    group = f"hundred-{queue}"
    urls = [receiver.url(f"/{number}?of=100") for number in range(ENDPOINTS)]
    assert _add(api, group, *({"url": url, "name": f"n{n}"} for n, url in enumerate(urls))).status == 200
    assert _add(api, group, {"url": receiver.url("/too-many")}).status == 412
    target = f"/v2/publish/{group}" if queue is None else f"/v2/enqueue/{queue}/{group}"
    answer = api.call("POST", target, body=b"to all").json()

    assert [set(one) for one in answer] == [{"messageId", "url"}] * ENDPOINTS
    assert [one["url"] for one in answer] == urls
    requests = receiver.wait_for(ENDPOINTS, timeout_s=30)
    arrived = {request.header("upstash-message-id"): receiver.url(request.target) for request in requests}
    assert arrived == {one["messageId"]: one["url"] for one in answer}
    assert {request.header("upstash-topic-name") for request in requests} == {group}
    assert {request.body for request in requests} == {b"to all"}
    if queue is not None:
        assert [receiver.url(request.target) for request in requests] == urls
    message = api.get(f"/v2/messages/{answer[7]['messageId']}")
    assert (message["topicName"], message["endpointName"]) == (group, "n7")


def test_every_endpoint_has_its_own_life(api: Caller, receiver: Receiver) -> None:
    """One endpoint that fails is retried and becomes a dead letter; the other has long been served."""
    receiver.script("/broken", Reply(status=500))
    _add(api, "uneven", {"url": receiver.url("/broken"), "name": "b"}, {"url": receiver.url("/fine")})
    headers = {"Upstash-Retries": "1", "Upstash-Retry-Delay": "5"}
    broken, fine = _publish(api, "uneven", headers=headers)

    assert api.wait_until_delivered(fine["messageId"]) == ["CREATED", "ACTIVE", "DELIVERED"]
    api.wait_for(broken["messageId"], "FAILED")
    (letter,) = api.dead_letters(topicName="uneven")
    assert (letter["messageId"], letter["endpointName"]) == (broken["messageId"], "b")
    again = api.call("POST", f"/v2/dlq/retry/{letter['dlqId']}").json()["messageId"]
    shown = api.get(f"/v2/messages/{again}")
    assert (shown["topicName"], shown["endpointName"], shown["url"]) == (
        "uneven",
        "b",
        receiver.url("/broken"),
    )
    assert len(receiver.requests_to("/fine")) == 1


def test_default_headers(api: Caller, receiver: Receiver) -> None:
    """A group's headers hold where the publish says nothing: in its headers first, in its query second."""
    _add(api, "defaults", {"url": receiver.url("/")})
    headers = {
        "Upstash-Retries": "7",
        "Upstash-Method": ["PUT"],
        "Upstash-Label": "group",
        "Upstash-Forward-X-From": "group",
        "Upstash-Forward-X-Other": "group",
    }
    changed = _set_headers(api, "defaults", headers)
    assert (changed.status, changed.json()["name"]) == (200, "defaults")
    assert "Upstash-Retries" in changed.json()["headers"]
    assert api.get("/v2/topics/defaults") == changed.json()

    (plain,) = _publish(api, "defaults")
    answer = api.call(
        "POST",
        "/v2/publish/defaults?upstash-retries=2&upstash-label=query",
        headers={"Upstash-Label": "header", "Upstash-Forward-X-From": "publish"},
    )
    (overridden,) = answer.json()
    for one in (plain, overridden):
        api.wait_until_delivered(one["messageId"])
    shown = [api.get(f"/v2/messages/{one['messageId']}") for one in (plain, overridden)]
    assert [(one["maxRetries"], one["method"], one["label"]) for one in shown] == [
        (7, "PUT", "group"),
        (2, "PUT", "header"),
    ]
    assert shown[0]["header"] == {"X-From": ["group"], "X-Other": ["group"]}
    assert shown[1]["header"] == {"X-From": ["publish"], "X-Other": ["group"]}


def test_new_default_headers_replace_the_old(api: Caller, receiver: Receiver) -> None:
    """What is not in the new headers is gone, and none at all leaves the field out."""
    _add(api, "replaced", {"url": receiver.url("/")})
    _set_headers(api, "replaced", {"Upstash-Retries": "7", "Upstash-Label": "l"})
    _set_headers(api, "replaced", {"Upstash-Label": "m"})
    (one,) = _publish(api, "replaced")
    shown = api.get(f"/v2/messages/{one['messageId']}")
    assert (shown["maxRetries"], shown["label"]) == (3, "m")

    assert "headers" not in _set_headers(api, "replaced", {}).json()
    assert _set_headers(api, "replaced", {"Upstash-Retries": "many"}).status == 400
    assert _set_headers(api, "nowhere", {}).status == 404


def test_a_deleted_group_delivers_what_it_has_taken(api: Caller, receiver: Receiver) -> None:
    """Messages made before the group went arrive, and the next publish finds no group."""
    _add(api, "leaving", {"url": receiver.url("/")})
    (one,) = _publish(api, "leaving", headers={"Upstash-Delay": "0.3"})
    assert api.call("DELETE", "/v2/topics/leaving").status == 200

    answer = api.call("POST", "/v2/publish/leaving")
    assert (answer.status, answer.json()) == (404, {"error": "topic leaving not found"})
    api.wait_until_delivered(one["messageId"])


def test_a_refused_publish_reaches_nobody(api: Caller, receiver: Receiver) -> None:
    """A bad header is refused for all endpoints together."""
    _add(api, "refused", {"url": receiver.url("/a")}, {"url": receiver.url("/b")})
    assert api.call("POST", "/v2/publish/refused", headers={"Upstash-Delay": "soon"}).status == 400

    api.wait_until_delivered(api.publish(receiver.url("/marker")))
    assert [request.path for request in receiver.requests] == ["/marker"]
    assert api.get("/v2/events", topicName="refused")["events"] == []
