"""Collect one response as libcurl hands it over: header lines and a body cut at a limit.

What a body has beyond its first bytes needs room, and the transfer is paused when there is none.
"""

import re
from collections.abc import Callable

import pycurl

from qstash_rq.message import Headers
from workers.response_room import FREE_BYTES, Hold, ResponseRoom

_EMPTY_LINE = b"\r\n"
_SUCCESS = re.compile(rb"HTTP/[0-9.]+ 2[0-9][0-9]\b")


class ResponseSink:
    """What has come so far, from `begin` to `clear`; `resume` is called when a pause may end.

    `cut` tells that the body went over the limit; the rest of it was refused, which ends the transfer.
    """

    __slots__ = (
        "_chunks",
        "_free",
        "_hold",
        "_left",
        "_lines",
        "_resume",
        "_room",
        "_unread",
        "cut",
        "take_line",
        "wants_success",
    )

    def __init__(self, resume: Callable[[], None]) -> None:
        self._resume = resume
        self._room: ResponseRoom | None = None
        self._hold: Hold | None = None
        self.wants_success = True
        self._unread = False
        self._lines: list[bytes] = []
        self._chunks: list[bytes] = []
        self._free = self._left = 0
        self.cut = False
        # A built-in method: libcurl calls it for every header line without a Python frame.
        self.take_line = self._lines.append

    def begin(self, max_body_bytes: int, room: ResponseRoom | None, *, wants_success: bool) -> None:
        """Take a body of up to `max_body_bytes`; that of a success may be dropped unless it is wanted."""
        self._free = min(max_body_bytes, FREE_BYTES)
        self._left = max_body_bytes - self._free
        self._room = room
        self.wants_success = wants_success
        self._unread = False

    def clear(self) -> Hold | None:
        """Forget everything; returns the hold of the response, if it had one: the caller has to end it."""
        self._lines.clear()
        self._chunks.clear()
        self.cut = False
        hold, self._hold = self._hold, None
        return hold

    def take_chunk(self, chunk: bytes) -> int:
        """Take a piece of the body; returns how many bytes were taken: not all to stop, or a pause."""
        size = len(chunk)
        if size <= self._free:
            self._chunks.append(chunk)
            self._free -= size
            return size
        return self._take_beyond(chunk)

    def _take_beyond(self, chunk: bytes) -> int:
        taken = chunk[: self._free + self._left]
        beyond = len(taken) - self._free
        if beyond and not self._may_hold(beyond):
            return pycurl.WRITEFUNC_PAUSE
        if not self._unread:
            self._chunks.append(taken)
        self._free = 0
        self._left -= beyond
        self.cut = len(taken) < len(chunk)
        return 0 if self.cut else len(chunk)

    def _may_hold(self, size: int) -> bool:
        if self._hold is not None:
            return self._hold.grow(size)
        if self._unread or self._room is None:
            return True
        if not self.wants_success and _is_success(self._lines):
            self._unread = True
            self._chunks.clear()
            return True
        self._hold = self._room.open(self._resume)
        return self._hold.grow(size)

    @property
    def body(self) -> bytes:
        """The body, decoded by libcurl."""
        return b"".join(self._chunks)

    def headers(self) -> Headers:
        """Return the fields of the final response in order; not those of 1xx responses and no trailers."""
        parts = [_text(line).partition(":") for line in _final_head(self._lines)[1:]]
        return tuple((name, value.strip()) for name, _, value in parts)


def _final_head(lines: list[bytes]) -> list[bytes]:
    """Return the status line and the fields of the final response."""
    if lines and lines[-1] == _EMPTY_LINE and lines.count(_EMPTY_LINE) == 1:
        return lines[:-1]
    # Several responses, or trailers (fields and an empty line, without a status line), or bare line feeds.
    heads: list[list[bytes]] = [[]]
    for line in lines:
        if line.strip():
            heads[-1].append(line)
        else:
            heads.append([])
    finals = (head for head in reversed(heads) if head and head[0].startswith(b"HTTP/"))
    return next(finals, list[bytes]())


def _is_success(lines: list[bytes]) -> bool:
    head = _final_head(lines)
    return bool(head) and _SUCCESS.match(head[0]) is not None


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
