"""Deliver messages to `tcp://host:port`: write the body, close, and take what comes back as the response.

TCP knows no status codes, so a peer that took the body counts as 200.
"""

import asyncio
import socket
from urllib.parse import urlsplit

from qstash_rq.delivery import Attempt
from qstash_rq.settings import Settings
from workers.prepared import PreparedDelivery


class TcpDeliverer:
    """One connection for each message; the worker limits how many are open."""

    async def deliver(self, prepared: PreparedDelivery) -> Attempt:
        """Send the body of `prepared`; an address that is not public is refused unless it is allowed."""
        url = urlsplit(prepared.url)
        try:
            address = await _resolve(url.hostname or "", url.port or 0)
            if not prepared.may_reach(address):
                return Attempt(error=f"blocked: {address} is not a public address")
            return Attempt(status=200, body=await _exchange(address, url.port or 0, prepared))
        except (OSError, ValueError) as error:
            return Attempt(error=str(error) or type(error).__name__)

    async def aclose(self) -> None:
        """Nothing is kept open between deliveries."""


def open_deliverer(_settings: Settings) -> TcpDeliverer:
    """Return the deliverer of one worker process."""
    return TcpDeliverer()


async def _resolve(host: str, port: int) -> str:
    # Connecting to the address that was judged, and not to the name again, is what defeats DNS rebinding.
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return str(answers[0][4][0])


async def _exchange(address: str, port: int, prepared: PreparedDelivery) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(prepared.body)
        writer.write_eof()
        return await _read_up_to(reader, prepared.max_response_bytes)
    finally:
        writer.close()


async def _read_up_to(reader: asyncio.StreamReader, limit: int) -> bytes:
    answer = b""
    while len(answer) < limit and (piece := await reader.read(limit - len(answer))):
        answer += piece
    return answer
