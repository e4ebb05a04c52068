"""The epoll driver by itself: what its callers rely on besides deliveries that succeed."""

import asyncio
import selectors

import pycurl
import pytest

from tests.workers.raw_server import OK, raw_server, say, say_and_close
from workers.epoll_multi import EpollMulti


def _handle(url: str) -> pycurl.Curl:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.WRITEFUNCTION, len)
    return curl


def test_a_transfer_gives_its_handle_back() -> None:
    """The future's result is the handle, ready to be asked for the status and to be used again."""

    async def work(url: str) -> list[int]:
        multi, curl = EpollMulti(), _handle(url)
        statuses = [(await multi.add_handle(curl)).getinfo(pycurl.RESPONSE_CODE) for _ in range(3)]
        await multi.aclose()
        return statuses

    with raw_server(say(OK)) as server:
        assert asyncio.run(work(f"http://127.0.0.1:{server.port}/")) == [200, 200, 200]


def test_a_failed_transfer_raises_libcurls_error() -> None:
    """The error carries libcurl's code and words."""

    async def work() -> None:
        multi = EpollMulti()
        try:
            await multi.add_handle(_handle("gopher-not://x/"))
        finally:
            await multi.aclose()

    with pytest.raises(pycurl.error) as caught:
        asyncio.run(work())
    assert caught.value.args[0] == pycurl.E_UNSUPPORTED_PROTOCOL


def test_a_transfer_that_is_given_up_is_cancelled_once() -> None:
    """Its future is cancelled; giving it up again is an error."""

    async def work(url: str) -> bool:
        multi, curl = EpollMulti(), _handle(url)
        future = multi.add_handle(curl)
        multi.remove_handle(curl)
        with pytest.raises(RuntimeError):
            multi.remove_handle(curl)
        await multi.aclose()
        return future.cancelled()

    with raw_server(say()) as server:
        assert asyncio.run(work(f"http://127.0.0.1:{server.port}/"))


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
        await multi.add_handle(curl)
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
