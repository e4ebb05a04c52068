"""Collect one response as libcurl hands it over: header lines and a body cut at a limit."""

from qstash_rq.message import Headers

_EMPTY_LINE = b"\r\n"


class ResponseSink:
    """What has come so far; `clear` makes it ready for the next response.

    `cut` tells that the body went over the limit; the rest of it was refused, which ends the transfer.
    """

    __slots__ = ("_chunks", "_lines", "_room", "cut", "take_line")

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._chunks: list[bytes] = []
        self._room = 0
        self.cut = False
        # A built-in method: libcurl calls it for every header line without a Python frame.
        self.take_line = self._lines.append

    def clear(self, max_body_bytes: int) -> None:
        """Forget everything and take a body of up to `max_body_bytes`."""
        self._lines.clear()
        self._chunks.clear()
        self._room = max_body_bytes
        self.cut = False

    def take_chunk(self, chunk: bytes) -> int:
        """Take a piece of the body; returns how many bytes are wanted, fewer than given to stop."""
        size = len(chunk)
        if size <= self._room:
            self._chunks.append(chunk)
            self._room -= size
            return size
        self._chunks.append(chunk[: self._room])
        self._room = 0
        self.cut = True
        return 0

    @property
    def body(self) -> bytes:
        """The body, decoded by libcurl."""
        return b"".join(self._chunks)

    def headers(self) -> Headers:
        """Return the fields of the final response in order; not those of 1xx responses and no trailers."""
        parts = [_text(line).partition(":") for line in _final_head(self._lines)]
        return tuple((name, value.strip()) for name, _, value in parts)


def _final_head(lines: list[bytes]) -> list[bytes]:
    if lines and lines[-1] == _EMPTY_LINE and lines.count(_EMPTY_LINE) == 1:
        return lines[1:-1]
    # Several responses, or trailers (fields and an empty line, without a status line), or bare line feeds.
    heads: list[list[bytes]] = [[]]
    for line in lines:
        if line.strip():
            heads[-1].append(line)
        else:
            heads.append([])
    finals = (head[1:] for head in reversed(heads) if head and head[0].startswith(b"HTTP/"))
    return next(finals, list[bytes]())


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
