from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.addresses import is_private


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3"),
        *("10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
        *("100.64.0.1", "100.127.255.255", "100.100.100.200"),
        *("127.0.0.1", "127.1.2.3", "127.255.255.255"),
        *("169.254.0.1", "169.254.169.254", "169.254.170.2", "168.63.129.16"),
        *("192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.51.100.1", "203.0.113.1"),
        *("198.18.0.1", "198.19.255.255"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254"),
        *("::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::ffff:0:10.0.0.1"),
        *("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "64:ff9b:1::8.8.8.8"),
        *("2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1", "2002:808:808::1"),
        *("2001::1", "2001:0:7f00:1::", "2001:0:808:808::f5ff:fffe", "2001:2::1", "2001:10::1", "2001:20::1"),
        *("2001:db8::1", "3fff::1", "3fff:fff::1", "5f00::1"),
        *("fc00::1", "fd00:ec2::254", "fd20:ce::254", "fdff::1"),
        *("fe80::1", "fe80::1%eth0", "febf::1", "fec0::1"),
        *("2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:10.0.0.1", "2a00::5efe:a9fe:a9fe"),
        *("ff02::1", "ff0e::1", "100::1", "4000::1"),
        *(
            "",
            "localhost",
            "example.com",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "010.0.0.1",
            "1.2.3.4 ",
            "[::1]",
        ),
    ],
)
def test_everything_not_globally_reachable_is_private(address: str) -> None:
    """Own, local, metadata, embedded, documentation and reserved addresses, and what is no address."""
    assert is_private(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
        ),
        *("128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255"),
        *("192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"),
        *("2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888", "2001:200::1", "2003::1"),
        *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700::5efe:8.8.8.8", "2606:4700::5eff:127.0.0.1"),
    ],
)
def test_addresses_of_the_public_internet_are_not_private(address: str) -> None:
    """Neighbours of the private ranges and public addresses behind NAT64 stay reachable."""
    assert not is_private(address)


@given(st.ip_addresses(v=4))
def test_no_wrapping_makes_a_private_ipv4_address_public(address: IPv4Address) -> None:
    """An IPv4 address inside any IPv6 form is at least as private as it is alone."""
    high, low = divmod(int(address), 65_536)
    wrapped = (
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        f"64:ff9b:1::{address}",
        f"2002:{high:x}:{low:x}::1",
        f"2001:0:{high:x}:{low:x}::1",
        f"2001::{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}",
    )
    if is_private(str(address)):
        assert all(is_private(form) for form in wrapped)


@given(st.text() | st.ip_addresses().map(str))
def test_every_text_is_judged(text: str) -> None:
    """Any text is private or not; what cannot be an address is private."""
    assert is_private(text) or set(text) <= set("0123456789abcdefABCDEF:.")
