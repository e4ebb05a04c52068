"""Messages that are really stuck explain themselves, and move once that is put right."""

import pytest

from tests.life.caller import Caller, Json
from tests.receiver import Receiver, hang
from tests.replies import Reply
from tests.running import Product
from tests.waiting import wait_until


@pytest.fixture
def product(unmanned: Product) -> Product:
    """Give a product that has no workers but those of the test."""
    return unmanned


def explain(api: Caller, message_id: str) -> Json:
    """Return the explanation of a message."""
    return api.get(f"/v2/messages/{message_id}/explain")


def wait_for_kinds(api: Caller, message_id: str, *kinds: str) -> list[Json]:
    """Return what a message waits for, once that is of these kinds."""

    def found() -> list[Json]:
        reasons = explain(api, message_id)["waitsFor"]
        return reasons if [reason["kind"] for reason in reasons] == list(kinds) else []

    return wait_until(found, f"{message_id} waits for {kinds}")


def test_a_stuck_message_explains_itself(product: Product, api: Caller, receiver: Receiver) -> None:
    """From no worker over a pause, a slot, a dead worker and a retry to its end: each time it says why."""
    receiver.script("/first", hang(), Reply(status=500, headers=(("Retry-After", "3"),)), Reply())
    first = api.enqueue("stuck", receiver.url("/first"))
    second = api.enqueue("stuck", receiver.url("/second"))
    wait_for_kinds(api, first, "noWorker")
    product.start_worker("--name", "elsewhere", "other-queue")
    wait_for_kinds(api, first, "noWorker")

    assert api.call("POST", "/v2/queues/stuck/pause").status == 200
    worker = product.start_worker("--name", "mine")
    (paused,) = wait_for_kinds(api, first, "queuePaused")
    assert paused["callerIP"] == "127.0.0.1"
    assert api.call("POST", "/v2/queues/stuck/resume").status == 200
    (delivery,) = wait_for_kinds(api, first, "delivery")
    assert delivery["worker"] == "mine"
    (slot,) = wait_for_kinds(api, second, "queueParallelism")
    assert slot["holders"][0]["messageId"] == first
    receiver.wait_for(1)

    worker.kill()
    wait_for_kinds(api, first, "silentWorker")
    product.start_worker("--name", "heir")
    (retry,) = wait_for_kinds(api, first, "retry")
    assert retry["error"] == "500 Internal Server Error"
    (slot,) = wait_for_kinds(api, second, "queueParallelism")
    assert (slot["holders"][0]["state"], slot["holders"][0]["until"]) == ("due", retry["until"])
    api.wait_until_delivered(first)
    api.wait_until_delivered(second)
    explained = explain(api, first)
    assert (explained["waitsFor"], explained["recovered"]) == ([], 1)
    assert explained["summary"].startswith("Delivered by attempt 3 at ")
