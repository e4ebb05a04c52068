"""The official asyncio client, every call of it once.

It shares its requests and parsers with the synchronous client, which the other files here go through;
this one proves that its own transport works against the server.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from qstash import AsyncQStash

from tests.receiver import Receiver, Reply
from tests.running import Product, User

Story = Callable[[AsyncQStash, Receiver], Awaitable[None]]
YEARLY = "0 0 1 1 *"


@asynccontextmanager
async def _opened(product: Product, user: User) -> AsyncIterator[AsyncQStash]:
    client = AsyncQStash(user.token, base_url=product.url, retry=False)
    try:
        yield client
        await client.message.cancel_all()
    finally:
        await client.http._client.aclose()  # noqa: SLF001 - the client has no call for it


async def _until_logged(client: AsyncQStash, message_id: str, state: str) -> None:
    async with asyncio.timeout(15):
        while True:
            page = await client.log.list(filter={"message_id": message_id})
            if page.logs and page.logs[0].state.value == state:
                return


async def _publish(client: AsyncQStash, receiver: Receiver) -> None:
    url = receiver.url("/hook")
    published: Any = await client.message.publish_json(url=url, body={"n": 1})
    enqueued: Any = await client.message.enqueue_json(queue="line", url=url, body=2)
    batch: Any = await client.message.batch([{"url": url, "body": "3"}])
    batch_json: Any = await client.message.batch_json([{"url": url, "body": [4], "queue": "line"}])
    ids = {one.message_id for one in (published, enqueued, *batch, *batch_json)}
    for message_id in ids:
        await _until_logged(client, message_id, "DELIVERED")

    message = await client.message.get(published.message_id)
    assert (message.url, message.body) == (url, '{"n": 1}')
    assert {request.header("upstash-message-id") for request in receiver.requests} == ids
    assert {request.body for request in receiver.requests} == {b'{"n": 1}', b"2", b"3", b"[4]"}


async def _cancel(client: AsyncQStash, receiver: Receiver) -> None:
    later: list[Any] = [await client.message.publish(url=receiver.url("/"), delay="1h") for _ in range(4)]
    await client.message.cancel(later[0].message_id)
    assert await client.message.cancel_many([later[0].message_id, later[1].message_id]) == 1
    assert await client.message.cancel_all() == 2


async def _use_queues(client: AsyncQStash, receiver: Receiver) -> None:
    await client.queue.upsert("held", parallelism=2)
    await client.queue.pause("held")
    await client.message.enqueue(queue="held", url=receiver.url("/queued"), body="x")
    assert [(queue.name, queue.lag) for queue in await client.queue.list()] == [("held", 1)]
    await client.queue.resume("held")
    queue = await client.queue.get("held")
    assert (queue.parallelism, queue.paused) == (2, False)
    await client.queue.delete("held")
    assert await client.queue.list() == []


async def _use_groups(client: AsyncQStash, receiver: Receiver) -> None:
    urls = [receiver.url("/a"), receiver.url("/b")]
    await client.url_group.upsert_endpoints("g", [{"url": url} for url in urls])
    published: Any = await client.message.publish(url_group="g")
    assert [one.url for one in published] == urls
    await client.url_group.remove_endpoints("g", [{"url": urls[0]}])
    assert [endpoint.url for endpoint in (await client.url_group.get("g")).endpoints] == urls[1:]
    await client.url_group.delete("g")
    assert await client.url_group.list() == []


async def _use_schedules(client: AsyncQStash, receiver: Receiver) -> None:
    first = await client.schedule.create(destination=receiver.url("/"), cron=YEARLY, body="x")
    second = await client.schedule.create_json(destination=receiver.url("/"), cron=YEARLY, body={"n": 1})
    await client.schedule.pause(second)
    schedules = {schedule.schedule_id: schedule for schedule in await client.schedule.list()}
    assert {name: schedules[name].paused for name in schedules} == {first: False, second: True}
    await client.schedule.resume(second)
    schedule = await client.schedule.get(second)
    assert (schedule.body, schedule.paused) == ('{"n": 1}', False)
    for schedule_id in (first, second):
        await client.schedule.delete(schedule_id)
    assert await client.schedule.list() == []


async def _use_flow_control(client: AsyncQStash, receiver: Receiver) -> None:
    await client.flow_control.pause("k")
    await client.message.publish(url=receiver.url("/"), flow_control={"key": "k", "rate": 5})
    await client.flow_control.pin("k", {"parallelism": 3})
    info = await client.flow_control.get("k")
    assert (info.wait_list_size, info.is_paused, info.rate_max, info.parallelism_max) == (1, True, 5, 3)
    await client.flow_control.unpin("k", {"parallelism": True})
    await client.flow_control.reset_rate("k")
    await client.flow_control.resume("k")
    await asyncio.to_thread(receiver.wait_for, 1)
    assert (await client.flow_control.get_global_parallelism()).parallelism_max > 0


async def _bury_and_delete(client: AsyncQStash, receiver: Receiver) -> None:
    receiver.script("/broken", Reply(status=500))
    for _ in range(2):
        published: Any = await client.message.publish(url=receiver.url("/broken"), retries=0)
        await _until_logged(client, published.message_id, "FAILED")
    newest, oldest = (await client.dlq.list()).messages
    assert (await client.dlq.get(newest.dlq_id)).response_status == 500
    await client.dlq.delete(newest.dlq_id)
    assert await client.dlq.delete_many([newest.dlq_id, oldest.dlq_id]) == 1


async def _rotate(client: AsyncQStash, _receiver: Receiver) -> None:
    keys = await client.signing_key.get()
    assert (await client.signing_key.rotate()).current == keys.next


@pytest.mark.parametrize(
    "story",
    [
        *(_publish, _cancel, _use_queues, _use_groups, _use_schedules, _use_flow_control),
        *(_bury_and_delete, _rotate),
    ],
    ids=lambda story: story.__name__.strip("_"),
)
def test_the_asyncio_client(product: Product, user: User, receiver: Receiver, story: Story) -> None:
    """What the synchronous client can do, the asyncio client can."""

    async def tell() -> None:
        async with _opened(product, user) as client:
            await story(client, receiver)

    asyncio.run(tell())
