"""Header fields out of environs, and the hook that keeps repeated ones apart."""

from dataclasses import dataclass, field

import pytest

from api.header_fields import canonical, header_fields
from api.repeated_fields import keep_repeated_fields
from qstash_rq.errors import InvalidInput


@dataclass
class Request:
    """As much of gunicorn's request as the hook sees."""

    headers: list[tuple[str, str]] = field(default_factory=list)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("content-type", "Content-Type"),
        ("X-API-KEY", "X-Api-Key"),
        ("Upstash-Workflow-RunId", "Upstash-Workflow-Runid"),
        ("x-1a", "X-1a"),
        ("x--a-", "X--A-"),
        ("etag", "Etag"),
    ],
)
def test_canonical_names(name: str, expected: str) -> None:
    """The first letter and every letter after a dash is upper case, the rest lower."""
    assert canonical(name) == expected


def test_reads_headers_only() -> None:
    """Headers come in order under canonical names; what else stands in an environ does not."""
    environ = {
        "REQUEST_METHOD": "POST",
        "HTTP_X_B": "2",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "3",
        "HTTP_X_A": "1, 1",
        "HTTPS": "on",
    }

    assert header_fields(environ) == (("X-B", "2"), ("Content-Type", "text/plain"), ("X-A", "1, 1"))


@pytest.mark.parametrize(
    ("authorization", "kept"), [("Bearer T", False), ("bearer T", False), ("Basic T", True), ("", True)]
)
def test_leaves_our_own_authorization_out(authorization: str, kept: bool) -> None:
    """A bearer token was meant for this API; any other Authorization belongs to the sender."""
    fields = header_fields({"HTTP_AUTHORIZATION": authorization})

    assert fields == ((("Authorization", authorization),) if kept else ())


def test_refuses_broken_utf8() -> None:
    """A value that is not UTF-8 is refused, naming the header."""
    with pytest.raises(InvalidInput, match="X-Name: not valid UTF-8"):
        header_fields({"HTTP_X_NAME": "caf\xe9"})


def test_the_hook_keeps_values_apart() -> None:
    """What the hook joins, the reader takes apart; names, order and other fields stay."""
    request = Request([("X-A", "1, 2"), ("HOST", "h"), ("X-A", "3"), ("X-A", "")])

    keep_repeated_fields(None, request)

    environ = {f"HTTP_{name.replace('-', '_')}": value for name, value in request.headers}
    assert header_fields(environ) == (("X-A", "1, 2"), ("X-A", "3"), ("X-A", ""), ("Host", "h"))


def test_the_hook_leaves_single_fields_alone() -> None:
    """A request without repeated fields is not touched."""
    headers = [("X-A", "1"), ("X-B", "1")]
    request = Request(headers)

    keep_repeated_fields(None, request)

    assert request.headers is headers
    assert headers == [("X-A", "1"), ("X-B", "1")]
