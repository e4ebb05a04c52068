"""No method of the official Python client goes untested: what it has is listed by looking at it."""

import inspect
from pathlib import Path

import pytest
from qstash import AsyncQStash, QStash
from qstash import Receiver as Verifier

# What the client does by itself, without the server.
_NOT_AN_API = {"http"}

PROVED_IN = {
    "message.publish": "test_publish.py",
    "message.publish_json": "test_publish.py",
    "message.enqueue": "test_publish.py",
    "message.enqueue_json": "test_publish.py",
    "message.batch": "test_batch.py",
    "message.batch_json": "test_batch.py",
    "message.get": "test_messages.py",
    "message.cancel": "test_messages.py",
    "message.cancel_many": "test_messages.py",
    "message.cancel_all": "test_messages.py",
    "url_group.upsert_endpoints": "test_url_groups.py",
    "url_group.remove_endpoints": "test_url_groups.py",
    "url_group.get": "test_url_groups.py",
    "url_group.list": "test_url_groups.py",
    "url_group.delete": "test_url_groups.py",
    "queue.upsert": "test_queues.py",
    "queue.get": "test_queues.py",
    "queue.list": "test_queues.py",
    "queue.delete": "test_queues.py",
    "queue.pause": "test_queues.py",
    "queue.resume": "test_queues.py",
    "schedule.create": "test_schedules.py",
    "schedule.create_json": "test_schedules.py",
    "schedule.get": "test_schedules.py",
    "schedule.list": "test_schedules.py",
    "schedule.delete": "test_schedules.py",
    "schedule.pause": "test_schedules.py",
    "schedule.resume": "test_schedules.py",
    "signing_key.get": "test_signing.py",
    "signing_key.rotate": "test_signing.py",
    "log.list": "test_logs.py",
    "dlq.get": "test_dlq.py",
    "dlq.list": "test_dlq.py",
    "dlq.delete": "test_dlq.py",
    "dlq.delete_many": "test_dlq.py",
    "flow_control.get": "test_flow_control.py",
    "flow_control.get_global_parallelism": "test_flow_control.py",
    "flow_control.pause": "test_flow_control.py",
    "flow_control.resume": "test_flow_control.py",
    "flow_control.pin": "test_flow_control.py",
    "flow_control.unpin": "test_flow_control.py",
    "flow_control.reset_rate": "test_flow_control.py",
}


def _methods(client: object) -> set[str]:
    return {
        f"{name}.{method}"
        for name, api in vars(client).items()
        if name not in _NOT_AN_API
        for method, _ in inspect.getmembers(api, inspect.isroutine)
        if not method.startswith("_")
    }


def _source(file: str) -> str:
    return Path(__file__).with_name(file).read_text(encoding="utf-8")


def test_the_table_has_every_method() -> None:
    """The synchronous client and the asyncio client have the methods of the table and no others."""
    assert _methods(QStash("token")) == {*PROVED_IN}
    assert _methods(AsyncQStash("token")) == {*PROVED_IN}


@pytest.mark.parametrize("method", PROVED_IN)
def test_each_method_is_called_where_the_table_says(method: str) -> None:
    """The file that proves a method names it, and so does the file of the asyncio client."""
    assert f"client.{method}" in _source(PROVED_IN[method])
    assert f"client.{method}(" in _source("test_async_client.py")


def test_the_verifier_has_one_method() -> None:
    """What endpoints verify with is `verify`, in test_signing.py."""
    public = {name for name, _ in inspect.getmembers(Verifier, inspect.isroutine) if not name.startswith("_")}

    assert public == {"verify"}
    assert "verifier.verify(" in _source("test_signing.py")
