"""The service on this machine that no delivery may reach: counts whoever connects, and answers."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LOOPBACKS = ("127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254", "::1")
"""Where it listens, on one port; `0.0.0.0` and `::` lead here too."""

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
_TRIES = 50


class Canary:
    """`reached` counts the connections."""

    def __init__(self) -> None:
        self._listening = _listen_everywhere()
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="canary", daemon=True)
        self.port = self._listening[0].getsockname()[1]
        self.reached = 0

    def start(self) -> None:
        """Start listening."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._waker.close()
        self._thread.join()
        for one in (*self._listening, self._woken):
            one.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            for one in (*self._listening, self._woken):
                selector.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._woken:
                        return
                    assert isinstance(key.fileobj, socket.socket)
                    self._answer(key.fileobj)

    def _answer(self, listening: socket.socket) -> None:
        accepted, _ = listening.accept()
        self.reached += 1
        with accepted:
            accepted.settimeout(5)
            accepted.recv(65_536)
            accepted.sendall(_OK)


@contextmanager
def running_canary() -> Iterator[Canary]:
    """Run a canary."""
    canary = Canary()
    canary.start()
    try:
        yield canary
    finally:
        canary.stop()


def _listen_everywhere() -> list[socket.socket]:
    for _ in range(_TRIES):
        listening = [socket.create_server((LOOPBACKS[0], 0))]
        port = listening[0].getsockname()[1]
        try:
            for address in LOOPBACKS[1:]:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                listening.append(socket.create_server((address, port), family=family))
        except OSError:
            for one in listening:
                one.close()
            continue
        return listening
    msg = f"no port is free on all of {LOOPBACKS}"
    raise OSError(msg)
