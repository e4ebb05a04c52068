"""Header fields out of environs."""

import pytest

from api.header_fields import canonical, header_fields
from qstash_rq.errors import InvalidInput


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
