import socket
from collections.abc import Sequence
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.addresses import is_private
from qstash_rq.errors import InvalidInput
from qstash_rq.hosts import check_host, system_resolver

_PUBLIC = ("93.184.216.34", "2606:2800:220:1::1")
_HOW = " (QSTASH_ALLOWED_PRIVATE_HOSTS can allow it)"


def _no_lookup(host: str) -> Sequence[str]:
    pytest.fail(f"looked up {host!r}")


def _refusal(url: str, *addresses: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        check_host(url, lambda _: addresses)
    return str(caught.value)


def _judgement(url: str, addresses: Sequence[str] = _PUBLIC) -> str | None:
    try:
        check_host(url, lambda _: addresses)
    except InvalidInput as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://127.0.0.1", "loopback address: 127.0.0.1"),
        ("http://127.0.0.1.:80/x", "loopback address: 127.0.0.1"),
        ("http://user:pw@127.0.0.1:8080/x?y", "loopback address: 127.0.0.1"),
        ("http://8.8.8.8@127.0.0.1/", "loopback address: 127.0.0.1"),
        ("http://2130706433/", "loopback address: 127.0.0.1"),
        ("http://0x7f000001/", "loopback address: 127.0.0.1"),
        ("http://0X7F.1/", "loopback address: 127.0.0.1"),
        ("http://017700000001/", "loopback address: 127.0.0.1"),
        ("http://0177.0.0.01/", "loopback address: 127.0.0.1"),
        ("http://127.1/", "loopback address: 127.0.0.1"),
        ("http://%31%32%37.0.0.1/", "loopback address: 127.0.0.1"),
        ("http://localhost:3000", "loopback address: 127.0.0.1"),
        ("http://LOCALHOST./", "loopback address: 127.0.0.1"),
        ("http://a.b.localhost/", "loopback address: 127.0.0.1"),
        ("http://[::1]:80/", "loopback address: ::1"),
        ("http://[::FFFF:127.0.0.1]/", "loopback address: ::ffff:127.0.0.1"),
        ("http://0/", "private address: 0.0.0.0"),
        ("http://10.1/", "private address: 10.0.0.1"),
        ("http://0xa9fea9fe/", "private address: 169.254.169.254"),
        ("http://169.254.169.254/latest/meta-data", "private address: 169.254.169.254"),
        ("http://[fd00:ec2::254]/", "private address: fd00:ec2::254"),
        ("http://[fe80::1%25eth0]/", "private address: fe80::1%eth0"),
        ("http://[::]/", "private address: ::"),
        ("http://[64:ff9b::10.0.0.1]/", "private address: 64:ff9b::10.0.0.1"),
        ("http://[nonsense]/", "private address: nonsense"),
    ],
)
def test_a_host_that_spells_a_private_address_is_refused_without_a_lookup(url: str, text: str) -> None:
    """Decimal, octal, hexadecimal, short, bracketed and escaped spellings all come down to one address."""
    with pytest.raises(InvalidInput) as caught:
        check_host(url, _no_lookup)

    assert str(caught.value) == f"invalid destination url: endpoint resolves to a {text}{_HOW}"


@pytest.mark.parametrize("url", ["http://8.8.8.8/", "http://0x08080808/", "http://[2606:4700::1111]:443/"])
def test_a_public_address_needs_no_lookup(url: str) -> None:
    """An address in a URL is judged as it stands."""
    check_host(url, _no_lookup)


def test_a_name_is_looked_up_in_lower_case_without_port_and_userinfo() -> None:
    """The resolver gets the bare host; a name whose addresses are all public passes."""
    asked: list[str] = []

    def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return _PUBLIC

    check_host("https://u:p@Example.COM:8443/x", resolve)
    check_host("https://example.com./", resolve)
    check_host("https://08.example/", resolve)

    assert asked == ["example.com", "example.com.", "08.example"]


@pytest.mark.parametrize(
    ("addresses", "text"),
    [
        (("127.0.0.1",), "loopback address: 127.0.0.1"),
        (("::1",), "loopback address: ::1"),
        (("10.0.0.1",), "private address: 10.0.0.1"),
        ((*_PUBLIC, "192.168.1.1"), "private address: 192.168.1.1"),
        (("93.184.216.34", "::1"), "loopback address: ::1"),
        (("garbage",), "private address: garbage"),
    ],
)
def test_one_private_address_refuses_the_name(addresses: tuple[str, ...], text: str) -> None:
    """A name that also has a public address is refused all the same."""
    assert _refusal("https://example.com/x", *addresses) == (
        f"invalid destination url: endpoint resolves to a {text}{_HOW}"
    )


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (OSError("no network"), "no network"),
        (UnicodeError("label empty or too long"), "label empty or too long"),
        (ValueError("embedded null character"), "embedded null character"),
    ],
)
def test_a_name_that_cannot_be_resolved_is_refused_with_the_reason(error: Exception, detail: str) -> None:
    """The text names the host and what the resolver said."""

    def resolve(_: str) -> Sequence[str]:
        raise error

    with pytest.raises(InvalidInput) as caught:
        check_host("https://nowhere.example", resolve)

    assert str(caught.value) == f"invalid destination url: unable to resolve host: nowhere.example: {detail}"


def test_a_name_without_addresses_is_refused() -> None:
    """An empty answer is no permission."""
    assert _refusal("https://nowhere.example").startswith("invalid destination url: unable to resolve host: ")


@pytest.mark.parametrize("url", ["http://", "http://:80", "http://./", "nonsense", ""])
def test_a_url_without_a_host_is_refused(url: str) -> None:
    """Nothing to look up is not the same as nothing to object to."""
    assert _refusal(url, *_PUBLIC) == "invalid destination url: empty host"


@given(st.text() | st.from_regex(r"https?://[\[\]:@%0-9a-fx.\\]*(/|\?|#)?.*", fullmatch=True))
def test_every_url_passes_or_is_refused(url: str) -> None:
    """Whatever the host looks like, the answer is silence or InvalidInput."""
    text = _judgement(url)

    assert text is None or text.startswith("invalid destination url: ")


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "0x{:x}", "0X{:08X}", "0{:o}"]))
def test_every_spelling_of_a_number_is_judged_like_the_dotted_form(number: int, form: str) -> None:
    """A host that is one number is the address of that number."""
    address = str(IPv4Address(number))
    text = _judgement(f"http://{form.format(number)}/", ())

    assert is_private(address) is (text is not None)
    assert text is None or text.endswith(f" address: {address}{_HOW}")


def test_the_system_resolver_answers_each_address_once() -> None:
    """The operating system's answer is a list of plain addresses without repetition."""
    assert system_resolver("127.0.0.1") == ("127.0.0.1",)
    assert set(system_resolver("localhost")) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["bad..name", "x" * 300, "a\x00b"])
def test_the_system_resolver_raises_what_the_guard_expects(host: str) -> None:
    """A name that cannot even be asked for is refused like one that has no answer."""
    with pytest.raises(InvalidInput, match="unable to resolve host"):
        check_host(f"http://{host}/", system_resolver)


@pytest.mark.parametrize("host", ["１２７.０.０.１", "①②⑦.0.0.1", "127。0。0。1", "ⓛocalhost"])  # noqa: RUF001 - the disguise under test
def test_disguised_digits_reach_the_guard_as_what_they_mean(host: str) -> None:
    """Characters that resolvers fold into ASCII do not slip a private address through."""
    with pytest.raises(InvalidInput, match=r"loopback address: (127\.0\.0\.1|::1) |unable to resolve host"):
        check_host(f"http://{host}/", system_resolver)
