"""Publish the orders of a chaos run from several threads, again and again until each is accepted.

What has no deduplication id is sent once: its outcome is in doubt when no answer comes.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from json import loads
from threading import Event, Thread
from time import monotonic

from qstash_rq.clock import SystemClock
from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.chaos.orders import Kind, Order

_now_ms = SystemClock().now_ms
_ANSWER_S = 10.0
_AGAIN_S = 0.1
_GIVE_UP_S = 60.0
_GOOD = frozenset({200, 202})  # made now, or found by its deduplication id
_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A publish that was answered with success."""

    number: int
    message_id: str
    at_ms: int
    deduplicated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A publish that may have been carried out: answered with 503, or not at all."""

    number: int
    at_ms: int
    took_ms: int
    refused: bool  # 503; otherwise the connection broke or no answer came in time


class Publisher(Thread):
    """Sends its orders one after the other, the next one only when the last is accepted."""

    def __init__(
        self, orders: Sequence[Order], url: str, ports: Callable[[], Sequence[int]], pace_s: float
    ) -> None:
        super().__init__(name="publisher", daemon=True)
        self._orders = orders
        self._url = url
        self._ports = ports
        self._pace_s = pace_s
        self._connection: HTTPConnection | None = None
        self._pause = Event()
        self.accepted: list[Accepted] = []
        self.doubts: list[Doubt] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        """Send everything."""
        start = monotonic()
        for index, order in enumerate(self._orders):
            self._pause.wait(max(0.0, start + index * self._pace_s - monotonic()))
            self._send_until_accepted(order)
        self._hang_up()

    def _send_until_accepted(self, order: Order) -> None:
        give_up = monotonic() + _GIVE_UP_S
        while not self._send(order) and order.safe_to_repeat:
            if monotonic() > give_up:
                self.wrong.append(f"{order.path} was not accepted within {_GIVE_UP_S} s")
                return
            self._pause.wait(_AGAIN_S)

    def _send(self, order: Order) -> bool:
        """Send one order; returns whether it was accepted."""
        began = monotonic()
        try:
            status, body = self._exchange(order)
        except (OSError, HTTPException):
            self._hang_up()
            self._doubt(order, began, refused=False)
            return False
        if status in _GOOD:
            answer = loads(body)
            self.accepted.append(
                Accepted(
                    number=order.number,
                    message_id=answer.get("messageId", ""),  # a schedule has none
                    at_ms=_now_ms(),
                    deduplicated=answer.get("deduplicated", False),
                )
            )
            return True
        if status != _UNAVAILABLE or list(loads(body)) != ["error"]:
            self.wrong.append(f"{order.path}: {status} {body!r}")
        self._doubt(order, began, refused=True)
        return False

    def _doubt(self, order: Order, began: float, *, refused: bool) -> None:
        took_ms = round((monotonic() - began) * 1000)
        self.doubts.append(Doubt(number=order.number, at_ms=_now_ms(), took_ms=took_ms, refused=refused))

    def _exchange(self, order: Order) -> tuple[int, bytes]:
        if self._connection is None:
            ports = self._ports()
            port = ports[order.number % len(ports)]
            self._connection = HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
            self._connection.connect()
            # Head and body in one packet each would wait for one another's acknowledgement.
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        headers = {"Authorization": f"Bearer {DEVELOPMENT_TOKEN}", **order.headers}
        self._connection.request("POST", f"/v2/{_verb(order)}/{self._url}{order.path}", headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.will_close:
            self._hang_up()
        return response.status, body

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _verb(order: Order) -> str:
    if order.kind is Kind.QUEUED:
        return f"enqueue/{order.line}"
    return "schedules" if order.kind is Kind.TICKING else "publish"
