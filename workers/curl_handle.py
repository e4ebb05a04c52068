"""One of libcurl's easy handles, used for one delivery after the other."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import certifi
import pycurl

from qstash_rq.delivery import Attempt
from workers.connect_guard import ConnectGuard
from workers.name_lookup import LIBCURL_KEEPS_S, Pin
from workers.prepared import PreparedDelivery
from workers.response_room import Hold
from workers.response_sink import ResponseSink
from workers.transfer_errors import NO_SOCKET, blocked, describe_failure
from workers.wire_request import Unsendable, check_method, header_lines

Done = Callable[[Attempt], None]
"""Hears what came back from one delivery."""

_MAX_CONNECT_MS = 30_000
_KEPT_BODY_BYTES = 65_536

# Set once: nothing here depends on the delivery.
_CONSTANT: tuple[tuple[int, Any], ...] = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS),
    (pycurl.HTTP09_ALLOWED, 0),
    (pycurl.FOLLOWLOCATION, 0),
    (pycurl.PROXY, ""),  # not even one from the environment
    (pycurl.NETRC, pycurl.NETRC_IGNORED),
    (pycurl.USERAGENT, ""),  # pycurl has one of its own
    (pycurl.ACCEPT_ENCODING, "gzip"),
    (pycurl.DNS_CACHE_TIMEOUT, LIBCURL_KEEPS_S),
    (pycurl.TCP_KEEPALIVE, 1),
    (pycurl.SSL_VERIFYPEER, 1),
    (pycurl.SSL_VERIFYHOST, 2),
)
# A name and a colon take out what libcurl would add: it asks for `100 Continue` before a large body, accepts
# `*/*`, and calls a body without a content type a form. A field of the delivery's own is not touched by it.
_NOT_FROM_CURL = ("Expect:", "Accept:", "Content-Type:")
# These are sent with a Content-Length of 0 when there is no body, others without any.
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
# Nearly every answer, where nobody wants to know more: reading it took 2 of the 48 µs of a delivery.
_SUCCESSES = {status: Attempt(status=status) for status in range(200, 300)}


class CurlHandle:
    """An easy handle with its response: `load`, perform `curl`, `end`, which tells `done`."""

    def __init__(self, guard: ConnectGuard | None, on_idle: Callable[["CurlHandle"], None]) -> None:
        self.done: Done | None = None
        self._sink = ResponseSink(self._resume)
        self._guard = guard
        self._on_idle = on_idle
        self._base = self._target = ""
        self._method: str | None = None
        self._timeout_ms: int | None = None
        self._body_bytes = 0
        self._pinned = False
        self._leave: Callable[[], bool] | None = None
        self._asks = False
        self.curl = _new_curl()
        self.curl.setopt(pycurl.HEADERFUNCTION, self._sink.take_line)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._sink.take_chunk)
        if self._guard is not None:
            self.curl.setopt(pycurl.OPENSOCKETFUNCTION, self._guard.open_socket)

    def load(self, prepared: PreparedDelivery, base: str, target: str, pin: Pin) -> None:
        """Make the handle ready to send `prepared` to `target` of `base`.

        Raises Unsendable and `pycurl.error`.
        """
        self.curl.setopt(pycurl.HTTPHEADER, [*header_lines(prepared.headers), *_NOT_FROM_CURL])
        self._set_target(base, target, pin)
        self._set_timeout(prepared.timeout_ms - pin.spent_ms)
        self._set_method(prepared.method)
        self._set_body(prepared)
        self._set_leave(prepared.leave)
        self._sink.begin(prepared.max_response_bytes, prepared.room, wants_success=prepared.wants_success)
        if self._guard is not None:
            self._guard.clear()

    def end(self, error: Unsendable | pycurl.error | None) -> None:
        """Tell `done` what came back and be idle; `error` says why the transfer failed or could not start."""
        if error is None:
            attempt = self._response()
        elif isinstance(error, Unsendable):
            attempt = Attempt(error=str(error))
        else:
            attempt = self._failure(error)
        done, self.done = self.done, None
        hold = self._unload()
        self._on_idle(self)
        try:
            if done is not None:
                done(attempt)
        finally:
            if hold is not None:
                # Later than whoever awaits the attempt: by then its body is counted as one to be settled.
                asyncio.get_running_loop().call_soon(hold.end)

    def drop(self) -> None:
        """Let go of what has come, because the delivery was given up."""
        hold = self._unload()
        if hold is not None:
            hold.end()

    def _resume(self) -> None:
        # A transfer that fails in here, or that was given up, tells its end as any other does, or never.
        with suppress(pycurl.error):
            self.curl.pause(pycurl.PAUSE_CONT)

    def _response(self) -> Attempt:
        status: int = self.curl.getinfo(pycurl.RESPONSE_CODE)
        if not self._sink.wants_success and (success := _SUCCESSES.get(status)) is not None:
            return success
        return Attempt(status=status, headers=self._sink.headers(), body=self._sink.body)

    def _failure(self, error: pycurl.error) -> Attempt:
        code, detail = int(error.args[0]), str(error.args[-1])
        if self._sink.cut or _is_foreign_encoding(code, detail):
            return self._response()
        if code == pycurl.E_COULDNT_CONNECT and self._guard is not None and self._guard.refused:
            return Attempt(error=blocked(self._guard.refused))
        if code == pycurl.E_COULDNT_CONNECT and self._guard is not None and self._guard.failed:
            return Attempt(error=f"{NO_SOCKET}: {self._guard.failed}")
        return Attempt(error=describe_failure(code, detail, self.curl.getinfo(pycurl.OS_ERRNO)))

    def _unload(self) -> Hold | None:
        # Idle handles are kept for long: they let go of the response, and of a large request body.
        hold = self._sink.clear()
        if self._body_bytes > _KEPT_BODY_BYTES:
            self.curl.setopt(pycurl.POSTFIELDS, b"")
            self._body_bytes = 0
        if self._pinned:
            self.curl.unsetopt(pycurl.RESOLVE)
            self._pinned = False
        return hold

    # Options keep their values, so these set only what the last delivery left different.

    def _set_target(self, base: str, target: str, pin: Pin) -> None:
        if base != self._base:
            self.curl.setopt(pycurl.URL, base)
            self._base = base
        if target != self._target:
            self.curl.setopt(pycurl.REQUEST_TARGET, target)
            self._target = target
        if pin.entry:
            self.curl.setopt(pycurl.RESOLVE, [pin.entry])
            self._pinned = True

    def _set_leave(self, leave: Callable[[], bool] | None) -> None:
        self._leave = leave
        # For good, once it is needed: most deliveries never are.
        if leave is not None and not self._asks:
            self.curl.setopt(pycurl.PREREQFUNCTION, self._may_leave)
            self._asks = True

    def _may_leave(self, *_addresses: object) -> int:
        # libcurl asks when the connection stands, a moment before the request leaves.
        may = self._leave is None or self._leave()
        return pycurl.PREREQFUNC_OK if may else pycurl.PREREQFUNC_ABORT

    def _set_timeout(self, timeout_ms: int) -> None:
        if timeout_ms == self._timeout_ms:
            return
        # To libcurl 0 means for ever.
        self.curl.setopt(pycurl.TIMEOUT_MS, max(1, timeout_ms))
        self.curl.setopt(pycurl.CONNECTTIMEOUT_MS, min(max(1, timeout_ms), _MAX_CONNECT_MS))
        self._timeout_ms = timeout_ms

    def _set_method(self, method: str) -> None:
        if method == self._method:
            return
        self.curl.setopt(pycurl.CUSTOMREQUEST, check_method(method))
        # Otherwise libcurl would wait for the body that the answer to a HEAD only announces.
        self.curl.setopt(pycurl.NOBODY, method == "HEAD")
        self._method = method

    def _set_body(self, prepared: PreparedDelivery) -> None:
        if prepared.body or prepared.method in _WITH_BODY:
            self.curl.setopt(pycurl.POSTFIELDS, prepared.body)
            self._body_bytes = len(prepared.body)
        elif prepared.method != "HEAD":
            self.curl.setopt(pycurl.HTTPGET, 1)


def _new_curl() -> pycurl.Curl:
    curl = pycurl.Curl()
    for option, value in _CONSTANT:
        curl.setopt(option, value)
    curl.setopt(pycurl.CAINFO, _ca_file())
    return curl


@cache
def _ca_file() -> str:
    # The system's certificates, or those of SSL_CERT_FILE; where there are none, Mozilla's.
    return ssl.get_default_verify_paths().cafile or certifi.where()


def _is_foreign_encoding(code: int, detail: str) -> bool:
    """Tell whether the body came in an encoding that was not asked for and libcurl does not know.

    Such an endpoint has answered, and its status counts, though its body is lost.
    """
    return code == pycurl.E_BAD_CONTENT_ENCODING and detail.startswith("Unrecognized content encoding")
