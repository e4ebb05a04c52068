"""The http deliverer as a whole: many at once, connections used again, cancelling, closing.

Every test runs with both drivers of libcurl, so that the one for systems without epoll is as good.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from qstash_rq.delivery import Attempt
from qstash_rq.settings import Settings
from tests.receiver import Gate, Receiver, Reply, hang
from tests.workers.raw_server import OK, raw_server, say, say_and_close
from tests.workers.sending import make_prepared, send_all
from workers.curl_deliverer import CurlDeliverer
from workers.epoll_multi import EpollMulti
from workers.future_multi import FutureMulti
from workers.multi import Multi


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


NewMulti = Callable[[], Multi]

_LOOPS = [uvloop.new_event_loop, asyncio.new_event_loop]


@pytest.fixture(params=[EpollMulti, FutureMulti], ids=["epoll", "async"])
def new_multi(request: pytest.FixtureRequest) -> NewMulti:
    """Give each of the two drivers in turn."""
    return request.param


def test_a_delivery_arrives_and_its_answer_comes_back(receiver: Receiver, new_multi: NewMulti) -> None:
    """The whole way: method, target, fields and body there; status, fields and body back."""
    receiver.script("/hook", Reply(status=201, headers=(("X-Answer", "ä"),), body=b"done"))

    [attempt] = send_all(
        make_prepared(receiver.url("/hook?x=1"), method="PUT", headers=(("X-A", "ä"),), body=b"\x00"),
        new_multi=new_multi,
    )

    [request] = receiver.requests
    assert (request.method, request.target, request.body) == ("PUT", "/hook?x=1", b"\x00")
    assert request.header("X-A") == "ä"
    assert attempt == Attempt(
        status=201, headers=(("X-Answer", "ä"), ("Content-Length", "4")), body=b"done", error=None
    )


def test_one_connection_serves_deliveries_in_a_row(new_multi: NewMulti) -> None:
    """A kept-alive connection is used again."""
    with raw_server(say(OK)) as server:
        attempts = send_all(*[make_prepared(f"http://127.0.0.1:{server.port}/")] * 20, new_multi=new_multi)

        assert {attempt.status for attempt in attempts} == {200}
        assert (server.connections, len(server.requests)) == (1, 20)


def test_a_connection_that_the_server_closed_costs_no_attempt(new_multi: NewMulti) -> None:
    """An idle connection may be gone when the next delivery comes: it gets another one."""
    with raw_server(say_and_close(OK)) as server:
        attempts = send_all(*[make_prepared(f"http://127.0.0.1:{server.port}/")] * 10, new_multi=new_multi)

        assert [attempt.status for attempt in attempts] == [200] * 10
        assert server.connections == 10


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")
def test_ipv6_endpoints_are_reached(new_multi: NewMulti) -> None:
    """An address in brackets is an address."""
    with raw_server(say(OK), host="::1") as server:
        [attempt] = send_all(make_prepared(f"http://[::1]:{server.port}/"), new_multi=new_multi)

    assert attempt.status == 200


def test_proxies_and_secrets_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, new_multi: NewMulti
) -> None:
    """Neither proxy variables nor a netrc file decide where a delivery goes or what it carries."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with raw_server(say(OK)) as server:
        [attempt] = send_all(make_prepared(f"http://127.0.0.1:{server.port}/"), new_multi=new_multi)

        assert attempt.status == 200
        assert not [line for line in server.head() if line.lower().startswith(b"authorization")]


def _run(
    work: Callable[[CurlDeliverer], Any],
    new_multi: NewMulti,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
) -> Any:
    async def with_deliverer() -> Any:
        deliverer = CurlDeliverer(Settings(), new_multi=new_multi)
        try:
            return await work(deliverer)
        finally:
            await deliverer.aclose()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(with_deliverer())


@pytest.mark.parametrize("loop_factory", _LOOPS)
def test_many_deliveries_are_in_flight_at_once(
    receiver: Receiver, new_multi: NewMulti, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """None waits for another, and each gets its own answer."""
    gate = Gate()
    for number in range(100):
        receiver.script(f"/{number}", Reply(body=b"%d" % number, gate=gate))

    async def work(deliverer: CurlDeliverer) -> list[Attempt]:
        deliveries = [deliverer.deliver(make_prepared(receiver.url(f"/{number}"))) for number in range(100)]
        running = asyncio.gather(*deliveries)
        await asyncio.to_thread(receiver.wait_for, 100)
        gate.open()
        return await running

    attempts = _run(work, new_multi, loop_factory)

    assert [attempt.body for attempt in attempts] == [b"%d" % number for number in range(100)]
    assert receiver.most_open_requests == 100


def test_a_hanging_endpoint_holds_up_nobody_else(receiver: Receiver, new_multi: NewMulti) -> None:
    """While one endpoint is silent, others are delivered to."""
    receiver.script("/silent", hang())

    async def work(deliverer: CurlDeliverer) -> list[int | None]:
        silent = asyncio.create_task(deliverer.deliver(make_prepared(receiver.url("/silent"))))
        await asyncio.to_thread(receiver.wait_for, 1)
        answered = [await deliverer.deliver(make_prepared(receiver.url("/other"))) for _ in range(10)]
        assert not silent.done()
        silent.cancel()
        return [attempt.status for attempt in answered]

    assert _run(work, new_multi) == [200] * 10


def test_a_cancelled_delivery_hangs_up_and_leaves_the_rest_alone(
    receiver: Receiver, new_multi: NewMulti
) -> None:
    """The connection is closed, and the deliverer goes on to work."""
    receiver.script("/silent", hang())

    async def work(deliverer: CurlDeliverer) -> Attempt:
        silent = asyncio.create_task(deliverer.deliver(make_prepared(receiver.url("/silent"))))
        await asyncio.to_thread(receiver.wait_for, 1)
        silent.cancel()
        with pytest.raises(asyncio.CancelledError):
            await silent
        await asyncio.to_thread(receiver.wait_until_hung_up, 1)
        return await deliverer.deliver(make_prepared(receiver.url("/other")))

    assert _run(work, new_multi).status == 200


def test_cancelling_while_answers_arrive_mixes_nothing_up(receiver: Receiver, new_multi: NewMulti) -> None:
    """Deliveries given up in the very moment they end disturb no later one."""
    receiver.script("/", lambda request: Reply(body=request.body))

    async def work(deliverer: CurlDeliverer) -> None:
        for turn in range(100):
            bodies = [b"%d-%d" % (turn, number) for number in range(8)]
            tasks = [
                asyncio.create_task(deliverer.deliver(make_prepared(receiver.url(), body=body)))
                for body in bodies
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks[::2]:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            for body, result in zip(bodies, results, strict=True):
                assert isinstance(result, asyncio.CancelledError) or result.body == body

    _run(work, new_multi)


def test_closing_ends_what_is_in_flight(receiver: Receiver, new_multi: NewMulti) -> None:
    """Whoever waits for an answer is cancelled, and every connection is closed."""
    receiver.script("/silent", hang())

    async def work(deliverer: CurlDeliverer) -> None:
        silent = asyncio.create_task(deliverer.deliver(make_prepared(receiver.url("/silent"))))
        await asyncio.to_thread(receiver.wait_for, 1)
        await deliverer.aclose()
        with pytest.raises(asyncio.CancelledError):
            await silent
        await asyncio.to_thread(receiver.wait_until_hung_up, 1)
        await deliverer.aclose()

    _run(work, new_multi)


def test_closing_what_never_delivered_is_nothing(new_multi: NewMulti) -> None:
    """No connection, no thread, no loop is needed."""

    async def work(_: CurlDeliverer) -> None:
        return None

    _run(work, new_multi)


def test_more_deliveries_than_kept_connections_all_arrive(receiver: Receiver, new_multi: NewMulti) -> None:
    """The connections that are kept are fewer than those in use: the rest are opened and closed."""

    async def work() -> list[int | None]:
        deliverer = CurlDeliverer(Settings(worker_concurrency=2), new_multi=new_multi)
        statuses: list[int | None] = []
        for _ in range(5):
            deliveries = (deliverer.deliver(make_prepared(receiver.url())) for _ in range(30))
            statuses += [attempt.status for attempt in await asyncio.gather(*deliveries)]
        await deliverer.aclose()
        return statuses

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(work()) == [200] * 150


def test_a_request_asks_before_it_leaves(receiver: Receiver, new_multi: NewMulti) -> None:
    """The question comes when the connection stands; after a no not a byte is sent, and the next may go."""
    answers = iter([True, False, True])
    asked: list[int] = []

    def leave() -> bool:
        asked.append(len(receiver.requests))
        return next(answers)

    url = receiver.url("/")
    first, refused, third, unasked = send_all(
        *[make_prepared(url, leave=leave)] * 3, make_prepared(url), new_multi=new_multi
    )

    assert (first.status, third.status, unasked.status) == (200, 200, 200)
    assert refused.status is None
    assert asked == [0, 1, 1]
    assert len(receiver.requests) == 3


def test_what_cannot_connect_never_leaves(new_multi: NewMulti) -> None:
    """Nobody is asked when there is no connection to leave by."""
    asked: list[bool] = []

    [attempt] = send_all(
        make_prepared("http://127.0.0.1:1/", leave=lambda: not asked.append(True)), new_multi=new_multi
    )

    assert attempt.status is None
    assert asked == []


def test_a_delivery_without_any_time_left_is_given_up(receiver: Receiver, new_multi: NewMulti) -> None:
    """A look-up may take all the time there is: to libcurl 0 would mean for ever, on a fresh handle too."""
    receiver.script("/silent", hang())

    async def work(deliverer: CurlDeliverer) -> Attempt:
        async with asyncio.timeout(10):
            return await deliverer.deliver(make_prepared(receiver.url("/silent"), timeout_ms=0))

    assert "timed out" in str(_run(work, new_multi).error)


async def _start(deliverer: CurlDeliverer, url: str) -> Attempt | None:
    """Start one delivery and return what came back, None if it has to be awaited."""
    answer: asyncio.Future[Attempt] = asyncio.get_running_loop().create_future()
    return await answer if deliverer.start(make_prepared(url), answer.set_result) else None


def test_a_known_host_is_delivered_to_without_a_task(receiver: Receiver, new_multi: NewMulti) -> None:
    """The first delivery to a host is awaited, for its name is to be looked up; later ones are started."""

    async def work(deliverer: CurlDeliverer) -> list[int | None]:
        assert await _start(deliverer, receiver.url("/a")) is None
        await deliverer.deliver(make_prepared(receiver.url("/a")))
        attempts = [await _start(deliverer, receiver.url(f"/{number}")) for number in range(10)]
        return [attempt and attempt.status for attempt in attempts]

    assert _run(work, new_multi) == [200] * 10
    assert len(receiver.requests) == 11


def test_what_cannot_be_written_as_http_is_not_started_or_ends_later(
    receiver: Receiver, new_multi: NewMulti
) -> None:
    """A bad URL is awaited for its error; a bad method is told to the callback after `start` has returned."""

    async def work(deliverer: CurlDeliverer) -> None:
        await deliverer.deliver(make_prepared(receiver.url()))
        assert await _start(deliverer, f"{receiver.url()}\n") is None
        ends: list[Attempt] = []
        assert deliverer.start(make_prepared(receiver.url(), method="NOT ONE"), ends.append)
        assert ends == []
        await asyncio.sleep(0)
        assert [end.error for end in ends] == ["invalid method"]

    _run(work, new_multi)


def test_nobody_hears_of_a_started_delivery_after_the_end(receiver: Receiver, new_multi: NewMulti) -> None:
    """Closing hangs up on what was started, and does not call back."""
    receiver.script("/silent", hang())
    ends: list[Attempt] = []

    async def work(deliverer: CurlDeliverer) -> None:
        await deliverer.deliver(make_prepared(receiver.url()))
        assert deliverer.start(make_prepared(receiver.url("/silent")), ends.append)
        await asyncio.to_thread(receiver.wait_for, 2)
        await deliverer.aclose()
        await asyncio.to_thread(receiver.wait_until_hung_up, 1)

    _run(work, new_multi)
    assert ends == []


@pytest.mark.parametrize(("status", "kept"), [(200, False), (299, False), (302, True), (500, True)])
def test_of_a_success_that_nobody_reads_only_the_status_is_kept(
    receiver: Receiver, new_multi: NewMulti, status: int, kept: bool
) -> None:
    """Every other answer comes with its headers and its body, and so does the next success that is wanted."""
    receiver.script("/", Reply(status=status, headers=(("X-A", "1"),), body=b"done"), Reply(body=b"told"))

    first, wanted = send_all(
        make_prepared(receiver.url("/"), wants_success=False),
        make_prepared(receiver.url("/")),
        new_multi=new_multi,
    )

    assert first.status == status
    assert (first.body, dict(first.headers).get("X-A")) == ((b"done", "1") if kept else (b"", None))
    assert (wanted.status, wanted.body) == (200, b"told")
