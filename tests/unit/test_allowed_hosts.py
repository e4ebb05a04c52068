"""The operator's exceptions to the address guard: what an entry means, and what it does not."""

from collections.abc import Sequence

import pytest

from qstash_rq.allowed_hosts import NOTHING_ALLOWED, parse_allowed_hosts
from qstash_rq.errors import InvalidInput, SettingsError
from qstash_rq.hosts import check_host
from qstash_rq.settings import Settings


def _no_lookup(host: str) -> Sequence[str]:
    pytest.fail(f"looked up {host!r}")


def _passes(allowed: str, url: str, *addresses: str) -> bool:
    try:
        check_host(url, lambda _: addresses, parse_allowed_hosts(allowed))
    except InvalidInput:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (" , ,", ""),
        ("Orders.Internal.", "orders.internal"),
        ("b, a ,a", "a,b"),
        ("localhost", "localhost"),
        ("_dmarc.x-y.z1", "_dmarc.x-y.z1"),
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("10.1.0.5", "10.1.0.5/32"),
        ("fd00::/8,::1", "fd00::/8,::1/128"),
        ("169.254.169.254,metadata", "metadata,169.254.169.254/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_entries_are_names_addresses_and_networks(text: str, shown: str) -> None:
    """Blanks, case, a final dot and repetition do not matter."""
    assert str(parse_allowed_hosts(text)) == shown


@pytest.mark.parametrize(
    "entry",
    [
        *("10.1.0.5/16", "10.0.0.0/33", "10.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "a.0x1"),
        *("10.0.0.256", "fd00::/129", "[::1]", "fe80::1%eth0", "1.2.3.4.5", "a/b", "a:80", "http://a"),
        *("*.internal", ".internal", "a..b", "-a.b", "a-.b", "a b", "user@a", "ü.de"),
        *("x" * 64, "a." * 130 + "b", "a;b", "a\nb", "a%62"),
    ],
)
def test_an_entry_that_is_neither_keeps_the_process_from_starting(entry: str) -> None:
    """The error names the setting and shows the entry, whatever good ones stand beside it."""
    with pytest.raises(SettingsError, match=r"^QSTASH_ALLOWED_PRIVATE_HOSTS: ") as caught:
        Settings.from_env({"QSTASH_ALLOWED_PRIVATE_HOSTS": f"good.example,{entry},10.0.0.0/8"})

    assert repr(entry) in str(caught.value)


def test_host_bits_are_named_as_the_reason() -> None:
    """A network that is written as one of its hosts may be a typing error either way."""
    with pytest.raises(SettingsError, match=r"'10\.1\.0\.5/16' has host bits set"):
        Settings.from_env({"QSTASH_ALLOWED_PRIVATE_HOSTS": "10.1.0.5/16"})


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("orders.internal", "http://orders.internal/x"),
        ("orders.internal", "https://u:p@ORDERS.internal.:8443"),
        ("localhost", "http://localhost:3000"),
        ("127.0.0.0/8", "http://localhost/"),
        ("127.0.0.0/8", "http://0x7f.1/"),
        ("10.1.0.0/16", "http://10.1.2.3/"),
        ("10.1.0.0/16", "http://167838211/"),
        ("10.1.0.0/16", "http://[::ffff:10.1.2.3]/"),
        ("10.1.0.0/16", "http://[64:ff9b::10.1.2.3]/"),
        ("fd00::/8", "http://[fd00::1]/"),
        ("::1", "http://[::1]:80/"),
    ],
)
def test_what_is_named_passes_without_a_lookup(allowed: str, url: str) -> None:
    """A name as a whole, or a network however its address is spelled."""
    check_host(url, _no_lookup, parse_allowed_hosts(allowed))


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("orders.internal", "http://x.orders.internal/"),
        ("orders.internal", "http://internal/"),
        ("orders.internal", "http://orders.internal.evil.example/"),
        ("orders.internal", "http://orders.internal@evil.example/"),
        ("orders.internal", "http://evil.example/orders.internal"),
        ("orders.internal", "http://evil.example?@orders.internal"),
        ("orders.internal", "http://evil.example#@orders.internal"),
        ("localhost", "http://127.0.0.1/"),
        ("localhost", "http://x.localhost/"),
        ("10.1.0.0/16", "http://10.2.0.1/"),
        ("10.1.0.0/16", "http://10.0.255.255/"),
        ("10.0.0.1", "http://10.0.0.2/"),
        ("10.1.0.0/16", "http://[2002:a01:1::1]/"),
        ("10.1.0.0/16", "http://[::10.1.0.1]/"),
        ("fd00::/8", "http://[fc00::1]/"),
        ("::ffff:0:0/96", "http://127.0.0.1/"),
        ("10.0.0.0/8", "http://[garbage]/"),
    ],
)
def test_everything_else_stays_refused(allowed: str, url: str) -> None:
    """No part of a name, no other name of the same host, no neighbour of a network."""
    assert not _passes(allowed, url, "127.0.0.2")


def test_every_address_of_a_name_must_be_allowed() -> None:
    """One that is public and one that is allowed pass; one more that is neither refuses the name."""
    assert _passes("10.1.0.0/16", "http://a.example/", "8.8.8.8", "10.1.0.1")
    assert not _passes("10.1.0.0/16", "http://a.example/", "10.1.0.1", "10.2.0.1")


def test_nothing_is_allowed_unless_it_is_named() -> None:
    """The default has no exceptions, and text that is no address is in no network."""
    assert Settings().allowed_private_hosts == NOTHING_ALLOWED == parse_allowed_hosts("")
    assert not NOTHING_ALLOWED.names_host_of("http:///")
    assert not parse_allowed_hosts("0.0.0.0/0,::/0").holds("localhost")
