"""The epoll driver by itself: what its callers rely on besides deliveries that succeed."""

import asyncio
import selectors

import pycurl

from tests.workers.raw_server import OK, raw_server, say, say_and_close
from workers.epoll_multi import EpollMulti


def _handle(url: str) -> pycurl.Curl:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.WRITEFUNCTION, len)
    return curl


async def _perform(multi: EpollMulti, curl: pycurl.Curl) -> pycurl.error | None:
    """Run one transfer and return how it ended."""
    end: asyncio.Future[pycurl.error | None] = asyncio.get_running_loop().create_future()
    multi.start(curl, end.set_result)
    return await end


def test_a_handle_is_used_again_after_its_end() -> None:
    """A transfer that ended well leaves the handle ready to be asked for the status and to be used again."""

    async def work(url: str) -> list[int]:
        multi, curl = EpollMulti(), _handle(url)
        statuses: list[int] = []
        for _ in range(3):
            assert await _perform(multi, curl) is None
            statuses.append(curl.getinfo(pycurl.RESPONSE_CODE))
        await multi.aclose()
        return statuses

    with raw_server(say(OK)) as server:
        assert asyncio.run(work(f"http://127.0.0.1:{server.port}/")) == [200, 200, 200]


def test_the_next_transfer_may_start_from_the_end_of_one() -> None:
    """Whoever hears of an end may use the handle again at once."""

    async def work(url: str) -> list[int]:
        multi, curl = EpollMulti(), _handle(url)
        statuses: list[int] = []
        all_ended = asyncio.Event()

        def ended(error: pycurl.error | None) -> None:
            assert error is None
            statuses.append(curl.getinfo(pycurl.RESPONSE_CODE))
            if len(statuses) < 20:
                multi.start(curl, ended)
            else:
                all_ended.set()

        multi.start(curl, ended)
        await all_ended.wait()
        await multi.aclose()
        return statuses

    with raw_server(say(OK)) as server:
        assert asyncio.run(work(f"http://127.0.0.1:{server.port}/")) == [200] * 20


def test_a_failed_transfer_tells_libcurls_error() -> None:
    """The error carries libcurl's code and words."""

    async def work() -> pycurl.error | None:
        multi = EpollMulti()
        try:
            return await _perform(multi, _handle("gopher-not://x/"))
        finally:
            await multi.aclose()

    error = asyncio.run(work())
    assert error is not None
    assert error.args[0] == pycurl.E_UNSUPPORTED_PROTOCOL


def test_a_transfer_that_is_given_up_ends_in_silence() -> None:
    """Nobody hears of it; giving up what has ended is nothing."""

    async def work(url: str) -> list[pycurl.error | None]:
        multi, silent, other = EpollMulti(), _handle(url), _handle(url)
        ends: list[pycurl.error | None] = []
        multi.start(silent, ends.append)
        multi.give_up(silent)
        multi.give_up(silent)
        assert await _perform(multi, other) is None
        multi.give_up(other)
        await multi.aclose()
        return ends

    with raw_server(say(OK)) as server:
        assert asyncio.run(work(f"http://127.0.0.1:{server.port}/")) == []


def test_an_end_that_nobody_can_bear_keeps_no_other_from_being_told() -> None:
    """An exception of who hears of one transfer is reported, and the others go on."""
    reported: list[dict[str, object]] = []

    def fail(_error: pycurl.error | None) -> None:
        msg = "a defect"
        raise RuntimeError(msg)

    async def work(url: str) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        multi = EpollMulti()
        multi.start(_handle("gopher-not://x/"), fail)
        assert await _perform(multi, _handle(url)) is None
        await multi.aclose()

    with raw_server(say(OK)) as server:
        asyncio.run(work(f"http://127.0.0.1:{server.port}/"))
    assert [str(one["exception"]) for one in reported] == ["a defect"]


def test_closing_twice_is_closing_once() -> None:
    """A second close finds nothing to do, also when nothing was ever transferred."""

    async def work() -> None:
        multi = EpollMulti()
        await multi.aclose()
        await multi.aclose()

    asyncio.run(work())


class _CountingSelector(selectors.DefaultSelector):
    """Counts how often the loop looks for events."""

    looks = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.looks += 1
        return super().select(timeout)


def test_an_idle_connection_that_the_server_closes_does_not_keep_the_loop_awake() -> None:
    """Its socket speaks once and is then no longer listened to."""
    selector = _CountingSelector()

    async def work(url: str) -> int:
        multi, curl = EpollMulti(), _handle(url)
        await _perform(multi, curl)
        before = selector.looks
        await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=0.1)
        woken = selector.looks - before
        await multi.aclose()
        return woken

    with (
        raw_server(say_and_close(OK)) as server,
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner,
    ):
        assert runner.run(work(f"http://127.0.0.1:{server.port}/")) < 10
