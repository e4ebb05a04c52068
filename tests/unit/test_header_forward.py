import pytest

from qstash_rq.headers import PublishOptions, parse_options
from qstash_rq.message import Headers
from qstash_rq.settings import Settings


def _parse(
    *headers: tuple[str, str],
    query: Headers = (),
    defaults: Headers = (),
    authorization_is_ours: bool = True,
) -> PublishOptions:
    return parse_options(
        headers,
        query,
        settings=Settings(),
        now_ms=0,
        defaults=defaults,
        authorization_is_ours=authorization_is_ours,
    )


def test_header_forward_lets_plain_headers_travel() -> None:
    """An explicitly forwarded header beats the plain one of its name, that one beats a group's default."""
    options = _parse(
        ("Upstash-Header-Forward", "true"),
        ("Upstash-Forward-A", "forwarded"),
        ("a", "plain"),
        ("B", "plain"),
        ("Content-Type", "text/plain"),
        ("Authorization", "Bearer secret"),
        query=(("upstash-forward-c", "query"),),
        defaults=(("Upstash-Forward-B", "default"), ("X", "no call"), ("Upstash-Forward-D", "default")),
    )

    assert options.header_forward
    assert options.headers == (
        ("Content-Type", "text/plain"),
        ("A", "forwarded"),
        ("c", "query"),
        ("B", "plain"),
        ("D", "default"),
    )


@pytest.mark.parametrize("source", ["query", "defaults"])
def test_header_forward_may_come_from_every_source(source: str) -> None:
    """What travels are the plain headers of the call all the same."""
    options = _parse(
        ("X", "v"),
        **{source: (("upstash-header-forward", "True"),)},
    )

    assert options.headers == (("X", "v"),)


def test_the_authorization_of_a_webhook_sender_travels() -> None:
    """When another credential let the call in, its Authorization header is not ours to keep."""
    given_fields = (("Upstash-Header-Forward", "true"), ("Authorization", "Basic x"))

    assert _parse(*given_fields).headers == ()
    assert _parse(*given_fields, authorization_is_ours=False).headers == (("Authorization", "Basic x"),)
