"""Say in a few stable words why a transfer failed, from libcurl's error code."""

import errno

import pycurl

from qstash_rq.allowed_hosts import HOW_TO_ALLOW

DNS = "could not resolve host"
DNS_TIMEOUT = "timed out resolving host"
REFUSED = "connection refused"
UNREACHABLE = "could not connect"
NO_SOCKET = "could not open a socket"
CONNECT_TIMEOUT = "timed out connecting"
TIMEOUT = "timed out"
RESET = "connection reset"
CLOSED = "connection closed without a response"
CUT_SHORT = "connection closed within the response"
MALFORMED = "malformed response"
TLS = "TLS error"
INVALID_URL = "invalid URL"

# pycurl has no names for these.
_OPTION_SYNTAX = 49
_HTTP2_STREAM = 92
_TOO_LARGE = 100

# Codes with which libcurl says different things: its words decide.
_BY_WORDS = (
    (pycurl.E_OPERATION_TIMEDOUT, "Resolving", DNS_TIMEOUT),
    (pycurl.E_OPERATION_TIMEDOUT, "Connection", CONNECT_TIMEOUT),
    (pycurl.E_UNSUPPORTED_PROTOCOL, 'Protocol "', INVALID_URL),
    (pycurl.E_RECV_ERROR, "chunk", MALFORMED),
    (pycurl.E_RECV_ERROR, "response headers", MALFORMED),  # too large, many 1xx responses taken together
)
_BY_CODE = {
    pycurl.E_URL_MALFORMAT: INVALID_URL,
    pycurl.E_BAD_FUNCTION_ARGUMENT: INVALID_URL,  # longer than libcurl takes
    _OPTION_SYNTAX: INVALID_URL,  # a port that is none, in an entry of CURLOPT_RESOLVE
    pycurl.E_COULDNT_RESOLVE_HOST: DNS,
    pycurl.E_COULDNT_CONNECT: UNREACHABLE,
    pycurl.E_OPERATION_TIMEDOUT: TIMEOUT,
    pycurl.E_SEND_ERROR: RESET,
    pycurl.E_RECV_ERROR: RESET,
    pycurl.E_GOT_NOTHING: CLOSED,
    pycurl.E_PARTIAL_FILE: CUT_SHORT,
    pycurl.E_UNSUPPORTED_PROTOCOL: MALFORMED,  # HTTP/0.9, or a version nobody knows
    pycurl.E_FTP_WEIRD_SERVER_REPLY: MALFORMED,
    pycurl.E_BAD_CONTENT_ENCODING: MALFORMED,
    pycurl.E_HTTP2: MALFORMED,
    _HTTP2_STREAM: MALFORMED,
    _TOO_LARGE: MALFORMED,
}
# Of these the cause is in libcurl's words only, as in "certificate has expired".
_TLS_CODES = frozenset({pycurl.E_SSL_CONNECT_ERROR, pycurl.E_PEER_FAILED_VERIFICATION})


def blocked(address: str) -> str:
    """Return the text for an `address` that the address guard keeps from being connected to."""
    return f"blocked: {address} is not a public address ({HOW_TO_ALLOW})"


def describe_failure(code: int, detail: str, os_error: int) -> str:
    """Return the text for libcurl's `code` and message; `os_error` is the errno of the last connect."""
    for word_code, words, text in _BY_WORDS:
        if code == word_code and words in detail:
            return text
    if code == pycurl.E_COULDNT_CONNECT and os_error == errno.ECONNREFUSED:
        return REFUSED
    if code in _TLS_CODES:
        return f"{TLS}: {detail.removeprefix('TLS connect error: ')}"
    return _BY_CODE.get(code) or f"{detail} (curl {code})"
