"""Reads HTTP/1.1 requests from bytes as they come; knows nothing of sockets or answers."""

from dataclasses import dataclass, field

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(slots=True, kw_only=True)
class Incoming:
    """The parts of one request."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the first value of the header `name` (lower case), or the empty text."""
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass(slots=True)
class RequestReader:
    """Cuts a stream of bytes into requests."""

    _bytes: bytearray = field(default_factory=bytearray)
    _head: Incoming | None = None
    _expects: bool = False

    def feed(self, data: bytes) -> None:
        """Add what arrived."""
        self._bytes += data

    def take_expectation(self) -> bool:
        """Tell, once, whether the sender waits for `100 Continue`."""
        expects, self._expects = self._expects, False
        return expects

    def next_request(self) -> Incoming | None:
        """Return the next request, or nothing while it is not complete."""
        if self._head is None:
            self._head = self._take_head()
        if self._head is None:
            return None
        body = self._take_chunks() if self._chunked(self._head) else self._take_length(self._head)
        if body is None:
            return None
        head, self._head, self._expects = self._head, None, False
        head.body = body
        return head

    def _take_head(self) -> Incoming | None:
        end = self._bytes.find(_END_OF_HEAD)
        if end < 0:
            return None
        text = self._bytes[:end].decode("utf-8", "surrogateescape")
        del self._bytes[: end + len(_END_OF_HEAD)]
        first, *lines = text.split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        head = Incoming(
            method=method, target=target, headers=tuple((name, value.strip()) for name, _, value in pairs)
        )
        self._expects = head.header("expect").lower() == "100-continue"
        return head

    @staticmethod
    def _chunked(head: Incoming) -> bool:
        return head.header("transfer-encoding").lower() == "chunked"

    def _take_length(self, head: Incoming) -> bytes | None:
        length = int(head.header("content-length") or 0)
        if len(self._bytes) < length:
            return None
        return self._take(length)

    def _take_chunks(self) -> bytes | None:
        body = bytearray()
        at = 0
        while (end := self._bytes.find(b"\r\n", at)) >= 0:
            size = int(self._bytes[at:end].partition(b";")[0], 16)
            at = end + 2 + size + 2
            if len(self._bytes) < at:
                return None
            if size == 0:
                self._take(at)
                return bytes(body)
            body += self._bytes[end + 2 : end + 2 + size]
        return None

    def _take(self, count: int) -> bytes:
        taken = bytes(self._bytes[:count])
        del self._bytes[:count]
        return taken
