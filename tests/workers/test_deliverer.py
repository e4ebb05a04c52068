"""Choosing a deliverer by scheme: the built-in ones and plug-ins found through a real entry point."""

import asyncio
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from qstash_rq.delivery import Attempt
from qstash_rq.settings import Settings, deliverable_schemes
from tests.receiver import Receiver
from tests.workers.sending import make_prepared
from workers.deliverer import Deliverers

_MODULE = '''
"""A plug-in that does as the path of the URL says."""

import asyncio

from qstash_rq.delivery import Attempt

opened = 0
closed = 0


class FakeDeliverer:
    def __init__(self, settings):
        self.settings = settings

    async def deliver(self, prepared):
        if prepared.url.endswith("/raise"):
            raise LookupError("no such mailbox")
        if prepared.url.endswith("/hang"):
            await asyncio.Event().wait()
        if prepared.url.endswith("/none"):
            return None
        return Attempt(status=202, body=prepared.body + str(self.settings.port).encode())

    async def aclose(self):
        global closed
        closed += 1


def open_deliverer(settings):
    global opened
    opened += 1
    return FakeDeliverer(settings)


def refuse(settings):
    raise RuntimeError("no licence")


def open_unclosable(settings):
    class Unclosable(FakeDeliverer):
        async def aclose(self):
            raise OSError("stuck")

    return Unclosable(settings)
'''
_ENTRY_POINTS = """
[qstash_rq.deliverers]
fake = fake_deliverer:open_deliverer
broken = fake_deliverer:refuse
absent = no_such_module_anywhere:open_deliverer
stuck = fake_deliverer:open_unclosable
"""


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Install a package with plug-ins as pip would, a module and its metadata; give the module."""
    (tmp_path / "fake_deliverer.py").write_text(_MODULE)
    metadata = tmp_path / "fake_deliverer-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-deliverer\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(_ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    # Each test has a module of its own; what it leaves behind goes with the patch.
    monkeypatch.setitem(sys.modules, "fake_deliverer", ModuleType("fake_deliverer"))
    del sys.modules["fake_deliverer"]
    return importlib.import_module("fake_deliverer")


def _deliver(*urls: str, **over: Any) -> list[Attempt]:
    async def deliver_in_turn() -> list[Attempt]:
        deliverers = Deliverers(Settings(port=4242))
        try:
            return [await deliverers.deliver(make_prepared(url, **over)) for url in urls]
        finally:
            await deliverers.aclose()

    return asyncio.run(deliver_in_turn())


def test_http_is_built_in(receiver: Receiver) -> None:
    """Without any plug-in, http and https are delivered, in any spelling of the scheme."""
    attempts = _deliver(receiver.url("/a"), receiver.url("/b").replace("http", "HTTP"))

    assert [attempt.status for attempt in attempts] == [200, 200]
    assert [request.target for request in receiver.requests] == ["/a", "/b"]


def test_https_is_built_in() -> None:
    """A TLS endpoint that is not there is a failed connection, not a missing deliverer."""
    [attempt] = _deliver("https://127.0.0.1:1/")

    assert attempt.error == "connection refused"


@pytest.mark.parametrize("url", ["ftp://a.io/", "fake-not://x", "no-url-at-all", "", ":"])
def test_a_scheme_that_nobody_serves_is_a_failed_attempt(url: str) -> None:
    """The text names the scheme."""
    [attempt] = _deliver(url)

    assert attempt == Attempt(error=f"no deliverer for {url.partition(':')[0]}: URLs")


def test_a_plug_in_delivers_its_scheme(plug_in: ModuleType) -> None:
    """It is found, opened once with the settings, used for every delivery, and closed."""
    attempts = _deliver("fake://box/1", "FAKE://box/2")

    assert attempts == [Attempt(status=202, body=b"hi4242")] * 2
    assert (plug_in.opened, plug_in.closed) == (1, 1)


@pytest.mark.parametrize(("may_leave", "status"), [(True, 202), (False, None)])
@pytest.mark.usefixtures("plug_in")
def test_a_plug_in_is_handed_nothing_that_may_not_leave(may_leave: bool, status: int | None) -> None:
    """What would be too late for its rate window is not sent by a plug-in either."""
    [attempt] = _deliver("fake://box/1", leave=lambda: may_leave)

    assert attempt.status == status


def test_a_plug_in_that_is_not_needed_is_not_opened(plug_in: ModuleType, receiver: Receiver) -> None:
    """Plug-ins cost nothing until a message asks for one."""
    _deliver(receiver.url())

    assert plug_in.opened == 0


@pytest.mark.usefixtures("plug_in")
@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("fake://box/raise", "deliverer of fake: URLs: LookupError: no such mailbox"),
        ("fake://box/none", "deliverer of fake: URLs: returned no Attempt but None"),
        ("broken://box/", "deliverer of broken: URLs: RuntimeError: no licence"),
        (
            "absent://box/",
            "deliverer of absent: URLs: ModuleNotFoundError: No module named 'no_such_module_anywhere'",
        ),
    ],
)
def test_whatever_a_plug_in_does_is_an_attempt(url: str, error: str) -> None:
    """An exception, a wrong answer, a plug-in that cannot be opened: the attempt says so."""
    assert _deliver(url) == [Attempt(error=error)]


@pytest.mark.usefixtures("plug_in")
def test_a_plug_in_that_hangs_is_cut_off() -> None:
    """The time-out of the delivery holds for plug-ins too."""
    [attempt] = _deliver("fake://box/hang", timeout_ms=50)

    assert attempt.error == "deliverer of fake: URLs: TimeoutError"


def test_a_plug_in_that_cannot_be_closed_does_not_keep_others_open(
    plug_in: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing goes on with the next one, and the failure is logged."""
    _deliver("stuck://box/", "fake://box/")

    assert plug_in.closed == 1
    assert "deliverer of stuck: URLs: cannot be closed" in caplog.text


def test_a_plug_in_does_not_take_a_built_in_scheme(
    plug_in: ModuleType, receiver: Receiver, tmp_path: Path
) -> None:
    """The address guard and the limits of http are not for a package to replace."""
    entries = tmp_path / "fake_deliverer-1.0.dist-info" / "entry_points.txt"
    entries.write_text(_ENTRY_POINTS + "http = fake_deliverer:open_deliverer\n")

    [attempt] = _deliver(receiver.url())

    assert (attempt.status, plug_in.opened) == (200, 0)


@pytest.mark.usefixtures("plug_in")
def test_the_front_accepts_the_schemes_of_plug_ins() -> None:
    """What can be delivered may be published."""
    assert {"http", "https", "fake"} <= deliverable_schemes()
