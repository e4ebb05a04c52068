"""Asking a process whether it is ready to serve; one question, one answer, no waiting."""

import asyncio

from qstash_rq.cli.ports import LOOPBACK

_ANSWER_S = 2.0


async def valkey_is_ready(port: int) -> bool:
    """Tell whether a Valkey answers PING; one that still loads its data does not."""
    return (await _ask(port, b"PING\r\n")).startswith(b"+PONG")


async def api_is_ready(port: int) -> bool:
    """Tell whether the API answers its health check with 200 (contract 2.11)."""
    answer = await _ask(port, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return answer.startswith(b"HTTP/1.1 200 ")


async def _ask(port: int, question: bytes) -> bytes:
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(question)
                return await reader.read(64)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""
