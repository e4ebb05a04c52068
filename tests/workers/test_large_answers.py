"""Large answers wait for room in the worker: none is cut, lost or held back for ever by that.

The transfers run with both drivers of libcurl, the loop with the one of the system.
"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import uvloop

from qstash_rq.core import Core
from qstash_rq.dead_letters import list_dead_letters
from qstash_rq.delivery import Attempt
from qstash_rq.filters import Filter
from qstash_rq.settings import Settings
from qstash_rq.users import FIRST_USER
from qstash_rq.waiting import open_async_store
from tests import seed
from tests.receiver import Gate, Receiver, Reply
from tests.workers.loops import run_loop, until
from tests.workers.raw_server import raw_server, say
from tests.workers.sending import make_prepared
from workers.curl_deliverer import CurlDeliverer
from workers.deliverer import Deliverers
from workers.delivery_loop import DeliveryLoop, LoopOptions
from workers.epoll_multi import EpollMulti
from workers.future_multi import FutureMulti
from workers.multi import Multi
from workers.response_room import ResponseRoom

_SIZE = 1_000_000
_BODY = bytes(_SIZE)
_ROOM = 2_500_000

Send = Callable[..., "asyncio.Task[Attempt]"]
Story = Callable[[CurlDeliverer, Send], Awaitable[None]]


@pytest.fixture(params=[EpollMulti, FutureMulti], ids=["epoll", "async"])
def run(request: pytest.FixtureRequest) -> Callable[[Story], None]:
    """Give what runs a story with a deliverer, and with a function that sends to a URL."""
    new_multi: Callable[[], Multi] = request.param

    async def go(story: Story) -> None:
        deliverer = CurlDeliverer(Settings(), new_multi=new_multi)

        def send(url: str, room: ResponseRoom, **over: object) -> asyncio.Task[Attempt]:
            prepared = make_prepared(url, room=room, **({"max_response_bytes": 2 * _SIZE} | over))
            return asyncio.create_task(deliverer.deliver(prepared))

        try:
            async with asyncio.timeout(20):
                await story(deliverer, send)
        finally:
            await deliverer.aclose()

    def run_story(story: Story) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(go(story))

    return run_story


@contextmanager
def _full(room: ResponseRoom) -> Iterator[None]:
    # An answer that came before all others and has not ended.
    hold = room.open(lambda: None)
    assert hold.grow(_ROOM)
    yield
    hold.end()


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_waits_for_room_and_is_whole_then(
    receiver: Receiver, run: Callable[[Story], None], packed: bool
) -> None:
    """Compressed or not, its first 64 KB are taken and the rest follows."""
    fields = (("Content-Encoding", "gzip"),) if packed else ()
    body = bytes(range(250)) * (_SIZE // 250)
    receiver.script("/large", Reply(headers=fields, body=gzip.compress(body) if packed else body))

    async def story(_: CurlDeliverer, send: Send) -> None:
        room = ResponseRoom(_ROOM)
        with _full(room):
            sending = send(receiver.url("/large"), room)
            await until(lambda: room.waiting == 1)
            assert not sending.done()
            assert room.held_bytes == _ROOM
        assert (await sending).body == body
        await until(lambda: room.held_bytes == 0)

    run(story)


def test_an_answer_over_its_own_limit_is_cut_after_a_wait_too(
    receiver: Receiver, run: Callable[[Story], None]
) -> None:
    """The piece that goes over the limit may be the one that waits."""
    receiver.script("/large", Reply(body=_BODY))

    async def story(_: CurlDeliverer, send: Send) -> None:
        room = ResponseRoom(_ROOM)
        with _full(room):
            sending = send(receiver.url("/large"), room, max_response_bytes=70_000)
            await until(lambda: room.waiting == 1)
        attempt = await sending
        assert (attempt.status, len(attempt.body), attempt.error) == (200, 70_000, None)

    run(story)


def test_an_answer_that_waits_too_long_times_out_and_leaves_its_place(
    receiver: Receiver, run: Callable[[Story], None]
) -> None:
    """A wait is part of the exchange; what times out holds nothing, and who waits behind it goes on."""
    receiver.script("/half", Reply(body=_BODY, body_gate=Gate()))
    receiver.script("/large", Reply(body=_BODY))

    async def story(_: CurlDeliverer, send: Send) -> None:
        room = ResponseRoom(1)
        oldest = send(receiver.url("/half"), room, timeout_ms=1_500)
        await until(lambda: room.held_bytes > 1)
        patient = send(receiver.url("/large"), room)
        await until(lambda: room.waiting == 1)
        impatient = send(receiver.url("/large"), room, timeout_ms=500)
        await until(lambda: room.waiting == 2)

        assert (await impatient).error == (await oldest).error == "timed out"
        assert (await patient).body == _BODY
        await until(lambda: room.held_bytes == 0)

    run(story)


def test_a_delivery_that_is_given_up_gives_its_room_back(
    receiver: Receiver, run: Callable[[Story], None]
) -> None:
    """Whether it waits or holds all the room: the next one comes through."""
    receiver.script("/half", Reply(body=_BODY, body_gate=Gate()))
    receiver.script("/large", Reply(body=_BODY))

    async def story(_: CurlDeliverer, send: Send) -> None:
        room = ResponseRoom(1)
        oldest = send(receiver.url("/half"), room)
        await until(lambda: room.held_bytes > 1)
        waiting, last = (send(receiver.url("/large"), room) for _ in range(2))
        await until(lambda: room.waiting == 2)
        for given_up in (waiting, oldest):
            given_up.cancel()

        assert (await last).body == _BODY
        await until(lambda: room.held_bytes == 0)

    run(story)


def test_a_deliverer_closes_while_answers_wait(receiver: Receiver, run: Callable[[Story], None]) -> None:
    """Whoever awaits them is cancelled, and room that comes later wakes nobody."""
    receiver.script("/large", Reply(body=_BODY))

    async def story(deliverer: CurlDeliverer, send: Send) -> None:
        room = ResponseRoom(_ROOM)
        with _full(room):
            sending = [send(receiver.url("/large"), room) for _ in range(3)]
            await until(lambda: room.waiting == 3)
            await deliverer.aclose()
        results = await asyncio.gather(*sending, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.CancelledError}
        assert room.held_bytes == room.waiting == 0

    run(story)


@pytest.mark.parametrize("early", [b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"])
@pytest.mark.parametrize("status", [200, 299, 302, 404, 429, 500, 999])
def test_only_a_success_that_nobody_reads_needs_no_room(
    status: int, early: bytes, run: Callable[[Story], None]
) -> None:
    """It is dropped as it comes, and so passes a full room; every other answer is kept, so it waits."""
    head = b"HTTP/1.1 %d X\r\nX-A: HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (status, _SIZE)

    async def story(_: CurlDeliverer, send: Send) -> None:
        room = ResponseRoom(_ROOM)
        with _full(room):
            sending = send(f"http://127.0.0.1:{server.port}/", room, wants_success=False)
            await until(lambda: sending.done() or room.waiting == 1)
            assert sending.done() == (status < 300)
        assert len((await sending).body) == (0 if status < 300 else _SIZE)

    with raw_server(say(early + head + _BODY)) as server:
        run(story)


@contextmanager
def _no_writes(core: Core) -> Iterator[None]:
    core.store.command("CLIENT", "PAUSE", 60_000, "WRITE")
    try:
        yield
    finally:
        core.store.command("CLIENT", "UNPAUSE")


def _bodies(core: Core) -> list[bytes]:
    return [letter.response.body for letter in list_dead_letters(core, FIRST_USER, Filter()).items]


def test_answers_that_cannot_be_settled_keep_others_waiting(core: Core, receiver: Receiver) -> None:
    """While Redis is away no more is held than the setting and one answer; then all are settled, whole."""
    core = replace(core, settings=replace(core.settings, worker_body_bytes=_ROOM))
    gate = Gate()
    receiver.script("/failing", Reply(status=500, body=_BODY, gate=gate))
    seed.seed(core, 12, url=receiver.url("/failing"), max_retries=0)

    async def story(loop: DeliveryLoop) -> None:
        await until(lambda: receiver.open_requests == 12)
        with _no_writes(core):
            gate.open()
            # Two whole ones are within it, and the third is the one that goes over it or waits.
            await until(lambda: loop.answers.waiting >= 9 and loop.answers.held_bytes > _ROOM - _SIZE)
            assert loop.answers.held_bytes <= _ROOM + _SIZE
        await until(lambda: loop.in_flight == 0)
        assert loop.answers.held_bytes == 0

    run_loop(core, CurlDeliverer(core.settings), story=story)

    assert _bodies(core) == [_BODY] * 12


def test_answers_that_have_not_ended_keep_others_waiting(core: Core, receiver: Receiver) -> None:
    """Endpoints that stop in the middle fill the room, the rest waits, and all go on when they do."""
    core = replace(core, settings=replace(core.settings, worker_body_bytes=_ROOM))
    gate = Gate()
    receiver.script("/failing", Reply(status=500, body=_BODY, body_gate=gate))
    seed.seed(core, 12, url=receiver.url("/failing"), max_retries=0)
    most_held = 0

    async def story(loop: DeliveryLoop) -> None:
        nonlocal most_held

        def settled() -> bool:
            nonlocal most_held
            most_held = max(most_held, loop.answers.held_bytes)
            return loop.in_flight == 0

        await until(lambda: loop.answers.waiting >= 6)
        assert loop.answers.held_bytes <= _ROOM
        gate.open()
        await until(settled)

    run_loop(core, CurlDeliverer(core.settings), story=story)

    assert most_held <= _ROOM + _SIZE
    assert _bodies(core) == [_BODY] * 12


def test_a_loop_that_is_cancelled_ends_while_answers_wait(core: Core, receiver: Receiver) -> None:
    """A second signal to a worker drops what is in flight, waiting or not."""
    core = replace(core, settings=replace(core.settings, worker_body_bytes=1))
    receiver.script("/failing", Reply(status=500, body=_BODY, body_gate=Gate()))
    seed.seed(core, 5, url=receiver.url("/failing"))

    async def go() -> None:
        store, deliverers = open_async_store(core.settings), Deliverers(core.settings)
        loop = DeliveryLoop(core, store, deliverers, LoopOptions(worker="w", concurrency=5))
        running = asyncio.create_task(loop.run())
        async with asyncio.timeout(20):
            await until(lambda: loop.answers.waiting == 4)
            running.cancel()
            await asyncio.wait({running})
            await deliverers.aclose()
            await store.aclose()
        assert running.cancelled()

    asyncio.run(go())
