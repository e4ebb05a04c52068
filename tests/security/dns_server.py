"""A name server of the test's own: it answers as told, each time anew, and lets nobody keep an answer.

`Dns.look_up` is the client: it asks for IPv4 and for IPv6 addresses and follows aliases, as a resolver does.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import count

A, CNAME, AAAA = 1, 5, 28

_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHHIH")
_INTERNET = 1
_ANSWER, _NO_SUCH_NAME = 0x8180, 0x8183
_POINTER = 0xC00C  # to the name of the question
_MOST_ALIASES = 8
_PATIENCE_S = 5.0

Records = tuple[str, ...]
"""Addresses, or the one name that this name is an alias of."""


@dataclass(slots=True)
class Dns:
    """The server: `names` has for each name the answers to give in turn, the last one for ever."""

    names: dict[str, list[Records]]
    port: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    def knows(self, host: str) -> bool:
        """Tell whether `host` is a name of this server."""
        return _key(host) in self.names

    def look_up(self, host: str) -> tuple[str, ...]:
        """Return the addresses of `host`, as the server answers over the wire."""
        return look_up(self.port, host)

    def turn(self, host: str) -> None:
        """Give the next answer from now on."""
        answers = self.names[_key(host)]
        if len(answers) > 1:
            answers.pop(0)

    def answer(self, query: bytes) -> bytes:
        """Return the reply to the bytes of a question."""
        name, kind = _read_question(query)
        self.asked.append((name, kind))
        number = _HEADER.unpack_from(query)[0]
        question = query[_HEADER.size :]
        answers = self.names.get(name)
        if answers is None:
            return _HEADER.pack(number, _NO_SUCH_NAME, 1, 0, 0, 0) + question
        records = [record for value in answers[0] if (record := _record(value, kind))]
        return _HEADER.pack(number, _ANSWER, 1, len(records), 0, 0) + question + b"".join(records)


@contextmanager
def dns_server(names: dict[str, list[Records]]) -> Iterator[Dns]:
    """Run a name server on loopback."""
    dns = Dns(names=names)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        dns.port = listening.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(dns, listening), name="dns", daemon=True)
        thread.start()
        try:
            yield dns
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", dns.port))
            thread.join()


def look_up(port: int, host: str) -> tuple[str, ...]:
    """Ask the server at `port` for all addresses of `host`; raises gaierror when there is none."""
    addresses = tuple(address for kind in (A, AAAA) for address in _follow(port, _key(host), kind))
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return addresses


def _serve(dns: Dns, listening: socket.socket) -> None:
    while True:
        query, sender = listening.recvfrom(4_096)
        if not query:
            return
        listening.sendto(dns.answer(query), sender)


def _follow(port: int, name: str, kind: int) -> Records:
    for _ in range(_MOST_ALIASES):
        found = _ask(port, name, kind)
        if not found or found[0][0] != CNAME:
            return tuple(value for _, value in found)
        name = found[0][1]
    return ()


_numbers = count(1)


def _ask(port: int, name: str, kind: int) -> list[tuple[int, str]]:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    head = _HEADER.pack(next(_numbers) & 0xFFFF, 0x0100, 1, 0, 0, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(_PATIENCE_S)
        asking.connect(("127.0.0.1", port))
        asking.send(head + labels + b"\0" + _QUESTION.pack(kind, _INTERNET))
        return _read_records(asking.recv(4_096))


def _read_records(reply: bytes) -> list[tuple[int, str]]:
    records = _HEADER.unpack_from(reply)[3]
    offset = _end_of_name(reply, _HEADER.size) + _QUESTION.size
    found: list[tuple[int, str]] = []
    for _ in range(records):
        _, kind, _, _, size = _RECORD.unpack_from(reply, offset)
        offset += _RECORD.size
        value = reply[offset : offset + size]
        found.append((kind, _read_name(value, 0) if kind == CNAME else str(ip_address(value))))
        offset += size
    return found


def _record(value: str, kind: int) -> bytes:
    try:
        address = ip_address(value)
    except ValueError:
        data, own = _write_name(value), CNAME
    else:
        data, own = address.packed, A if address.version == 4 else AAAA
    if own not in (kind, CNAME):
        return b""
    return _RECORD.pack(_POINTER, own, _INTERNET, 0, len(data)) + data


def _read_question(query: bytes) -> tuple[str, int]:
    end = _end_of_name(query, _HEADER.size)
    return _read_name(query, _HEADER.size), _QUESTION.unpack_from(query, end)[0]


def _end_of_name(message: bytes, offset: int) -> int:
    while message[offset]:
        offset += message[offset] + 1
    return offset + 1


def _read_name(message: bytes, offset: int) -> str:
    labels: list[str] = []
    while message[offset]:
        labels.append(message[offset + 1 : offset + 1 + message[offset]].decode())
        offset += message[offset] + 1
    return ".".join(labels).lower()


def _write_name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _key(host: str) -> str:
    return host.rstrip(".").lower()
