"""The official asyncio client, one call of each kind.

It shares its requests and parsers with the synchronous client, which the other files here go through;
this one proves that its own transport works against the server.
"""

import asyncio

from qstash import AsyncQStash
from qstash.message import EnqueueResponse, PublishResponse

from tests.receiver import Receiver, Reply
from tests.running import Product, User


async def _until_logged(client: AsyncQStash, message_id: str, state: str) -> None:
    async with asyncio.timeout(15):
        while True:
            page = await client.log.list(filter={"message_id": message_id})
            if page.logs and page.logs[0].state.value == state:
                return


async def _publish_and_read(client: AsyncQStash, receiver: Receiver) -> None:
    published = await client.message.publish_json(url=receiver.url("/hook"), body={"n": 1})
    assert isinstance(published, PublishResponse)
    await _until_logged(client, published.message_id, "DELIVERED")
    message = await client.message.get(published.message_id)
    assert (message.url, message.body) == (receiver.url("/hook"), '{"n": 1}')


async def _queue_and_cancel(client: AsyncQStash, receiver: Receiver) -> None:
    await client.queue.upsert("async", parallelism=2, paused=True)
    enqueued = await client.message.enqueue(queue="async", url=receiver.url("/queued"), body="x")
    assert isinstance(enqueued, EnqueueResponse)
    assert [(queue.name, queue.lag) for queue in await client.queue.list()] == [("async", 1)]
    await client.message.cancel(enqueued.message_id)
    await client.message.publish(url=receiver.url("/"), delay="1h")
    assert await client.message.cancel_all() == 1
    await client.queue.resume("async")
    assert not (await client.queue.get("async")).paused
    await client.queue.delete("async")
    assert await client.queue.list() == []


async def _die_and_delete(client: AsyncQStash, receiver: Receiver) -> None:
    receiver.script("/broken", Reply(status=500))
    published = await client.message.publish(url=receiver.url("/broken"), retries=0)
    assert isinstance(published, PublishResponse)
    await _until_logged(client, published.message_id, "FAILED")
    (letter,) = (await client.dlq.list()).messages
    assert (await client.dlq.get(letter.dlq_id)).response_status == 500
    assert await client.dlq.delete_many([letter.dlq_id]) == 1


async def _use(product: Product, user: User, receiver: Receiver) -> None:
    client = AsyncQStash(user.token, base_url=product.url)
    await _publish_and_read(client, receiver)
    await _queue_and_cancel(client, receiver)
    await _die_and_delete(client, receiver)
    keys = await client.signing_key.get()
    assert (await client.signing_key.rotate()).current == keys.next
    await client.http._client.aclose()  # noqa: SLF001 - the client has no call for it


def test_the_asyncio_client(product: Product, user: User, receiver: Receiver) -> None:
    """Publish, read, queue, cancel, dead letters and keys, through asyncio."""
    asyncio.run(_use(product, user, receiver))

    assert [request.path for request in receiver.requests] == ["/hook", "/broken"]
