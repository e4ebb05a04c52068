"""The yardstick below everything: post bodies with `pycurl.AsyncCurlMulti` on uvloop, and nothing else.

`python -m benchmarks.bare_loop URL COUNT CONCURRENCY` prints the requests per second.
"""

import asyncio
import sys
import time
from typing import Any, cast

import pycurl
import uvloop

from benchmarks.backlog import BODY, HEADERS


def _new_handle(url: str) -> Any:  # noqa: ANN401 - pycurl has no types
    curl: Any = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS])
    curl.setopt(pycurl.WRITEFUNCTION, len)
    curl.setopt(pycurl.NOSIGNAL, 1)
    return curl


async def _post_until_empty(multi: Any, curl: Any, bodies: list[bytes]) -> None:  # noqa: ANN401 - pycurl has no types
    while bodies:
        curl.setopt(pycurl.POSTFIELDS, bodies.pop())
        await multi.add_handle(curl)
        if curl.getinfo(pycurl.RESPONSE_CODE) != 200:
            msg = "the receiver did not answer 200"
            raise RuntimeError(msg)


async def _post(url: str, count: int, concurrency: int) -> float:
    multi = cast("Any", pycurl).AsyncCurlMulti()
    multi.setopt(pycurl.M_MAXCONNECTS, concurrency)
    handles = [_new_handle(url) for _ in range(concurrency)]
    bodies = [BODY] * count
    start_s = time.perf_counter()
    await asyncio.gather(*(_post_until_empty(multi, curl, bodies) for curl in handles))
    elapsed_s = time.perf_counter() - start_s
    await multi.aclose()
    return count / elapsed_s


if __name__ == "__main__":
    print(uvloop.run(_post(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
