"""The corpus of the address guard: ways to write, or resolve to, an address that deliveries must not reach.

`REACHING` lead to this machine's own loopback when nobody guards it, so a canary proves that they do not when
somebody does. `PRIVATE` lead elsewhere, or nowhere. `{port}` stands for the canary's port.
"""

# ── hosts that lead to the canary ──────────────────────────────────────────────────────────────

REACHING: dict[str, tuple[str, ...]] = {
    "loopback": (
        *("127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254"),
        *("[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[0::1]", "[::0:1]"),
        *("[::0.0.0.1]", "[0::0.0.0.1]"),
    ),
    "unspecified": (
        *("0.0.0.0", "0", "00", "0x0", "0.0", "0.0.0", "0x00000000", "00.00.00.00", "0x0.0"),
        *("[::]", "[0::0]", "[::0.0.0.0]", "[0:0:0:0:0:0:0:0]"),
    ),
    "decimal": ("2130706433", "2130706434", "2130772483", "2147483646"),
    "octal": (
        *("017700000001", "0177.0.0.1", "0177.0.0.01", "00000177.0.0.1", "0177.0.1", "0177.1"),
        *("0177.0000.0000.0001", "0000000000000017700000001"),
    ),
    "hexadecimal": (
        *("0x7f.1", "0x7F.0x0.0x0.0x1", "0x7f000001", "0X7F000001", "0x7f.0.0.1", "0x7f.0x1"),
        *("0x0000007f.1", "127.0x1", "0x000000007f000001", "0x7f.0.1"),
    ),
    "short": ("127.1", "127.0.1", "127.66051", "127.1.515", "127.0x10203"),
    "mixed bases": ("0177.0.0x0.1", "127.0x0.0.01", "0x7f.00.0.1", "0177.0x0.1"),
    "mapped": (
        *("[::ffff:127.0.0.1]", "[::FFFF:7F00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:127.1.2.3]"),
        *("[0000:0000:0000:0000:0000:ffff:7f00:0001]", "[::ffff:7f01:203]", "[::fFfF:127.0.0.2]"),
    ),
    "localhost": (
        *("localhost", "LOCALHOST", "LocalHost", "localhost.", "x.localhost", "a.b.c.localhost"),
        *("x.localhost.", "X.LOCALHOST", "127.0.0.1.localhost", "public.example.localhost"),
    ),
    "final dot": ("127.0.0.1.", "2130706433.", "0x7f.1.", "0177.0.0.1.", "127.1.", "0."),
    "user info": (
        *("user@127.0.0.1", "user:pw@127.0.0.1", "public.example@127.0.0.1", "8.8.8.8@127.0.0.1"),
        *(":@127.0.0.1", "@127.0.0.1", "user%40public.example@127.0.0.1", "public.example%23@127.0.0.1"),
        *("http%3A%2F%2Fpublic.example@127.0.0.1", "public.example:80@127.0.0.1", "a:b:c@localhost"),
        *("user@[::1]", "public.example@2130706433", "%41@127.0.0.1"),
    ),
    "other letters": (
        *(
            "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
            "\u2460\u2461\u2466.0.0.1",
            "127\u30020\u30020\u30021",
            "127\uff0e0\uff0e0\uff0e1",
            "127\uff610\uff610\uff611",
            "\uff10\uff58\uff17\uff46.1",
        ),
        *(
            "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
            "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
            "loc\u00adalhost",
            "local\u200bhost",
            "localho\u017ft",
            "\u2113ocalhost",
        ),
        *(
            "\uff12\uff11\uff13\uff10\uff17\uff10\uff16\uff14\uff13\uff13",
            "LOCALHO\u017fT",
            "127.0.0.1\u3002",
            "x\u3002localhost",
            "\U0001d7cf\U0001d7d0\U0001d7d5.\U0001d7ce.\U0001d7ce.\U0001d7cf",
            "\u246b\u2466.1",
        ),
    ),
}

# ── hosts that lead elsewhere in private, or nowhere ───────────────────────────────────────────

PRIVATE: dict[str, tuple[str, ...]] = {
    "private": (
        *("10.0.0.0", "10.0.0.1", "10.255.255.255", "10.1", "0xa.1", "012.0.0.1", "167772161"),
        *("172.16.0.1", "172.31.255.255", "172.16.1", "192.168.0.1", "192.168.257", "0xc0a80101"),
        *("[::ffff:10.0.0.1]", "[::ffff:192.168.1.1]", "[::ffff:ac10:1]"),
    ),
    "carrier": ("100.64.0.1", "100.127.255.255", "100.100.100.200", "0x64400001"),
    "link-local": ("169.254.0.1", "169.254.255.255", "[fe80::1]", "[febf::1]", "[::ffff:169.254.0.1]"),
    "metadata": (
        *("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"),
        *("[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "169.254.169.254."),
        *("169.254.170.2", "169.254.169.253", "168.63.129.16", "192.0.0.192", "100.100.100.200."),
        *("[fd00:ec2::254]", "[fd00:ec2:0:0:0:0:0:254]", "[fd20:ce::254]", "[FD00:EC2::23]"),
    ),
    "benchmarks": ("198.18.0.1", "198.19.255.255", "[2001:2::1]", "[2001:2:0:ffff::1]"),
    "documentation": ("198.51.100.1", "203.0.113.255", "[2001:db8::1]", "[3fff::1]", "[3fff:fff::1]"),
    "multicast": ("224.0.0.1", "239.255.255.255", "[ff02::1]", "[ff0e::1]", "[ff01::1]", "[ffff::1]"),
    "reserved": (
        *("240.0.0.1", "255.255.255.255", "4294967295", "0xffffffff", "192.0.0.1", "192.88.99.1", "0.1.2.3"),
        *("[100::1]", "[4000::1]", "[5f00::1]", "[2001:10::1]", "[2001:20::1]", "[1::1]", "[fe00::1]"),
    ),
    "compatible": ("[::127.0.0.1]", "[::7f00:1]", "[::10.0.0.1]", "[::169.254.169.254]", "[::8.8.8.8]"),
    "translated": ("[::ffff:0:127.0.0.1]", "[::ffff:0:7f00:1]", "[::ffff:0:10.0.0.1]"),
    "NAT64": (
        *("[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:FF9B::C0A8:101]"),
        *("[64:ff9b:0:0:0:0:127.0.0.1]", "[64:ff9b:1::7f00:1]", "[64:ff9b:1:ffff::10.0.0.1]"),
        *("[64:ff9b::0.0.0.0]", "[64:ff9b:1::8.8.8.8]"),
    ),
    "6to4": (
        *("[2002:7f00:1::]", "[2002:7f00:0001::1]", "[2002:a00:1::]", "[2002:c0a8:101::1]"),
        *("[2002:a9fe:a9fe::]", "[2002:808:808::1]"),
    ),
    "Teredo": (
        *("[2001::1]", "[2001:0:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]"),
        *("[2001::80ff:fffe]", "[2001:0:808:808::f5ff:fffe]"),
    ),
    "ISATAP": (
        *("[fe80::5efe:127.0.0.1]", "[fe80::200:5efe:10.0.0.1]", "[2606:4700::5efe:127.0.0.1]"),
        *("[2606:4700::200:5efe:10.0.0.1]", "[2a00:1450::5efe:a9fe:a9fe]"),
    ),
    "unique-local": ("[fc00::1]", "[fd00::1]", "[fdff:ffff::1]", "[FD12:3456:789A::1]"),
    "site-local": ("[fec0::1]", "[feff::1]"),
    "zones": (
        *("[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%25lo]", "[::1%lo]", "[::1%251]", "[::1%]"),
        *("[::ffff:127.0.0.1%25lo]", "[fe80::1%25%6c%6f]"),
    ),
    "overflow": (
        *("256.0.0.1", "127.0.0.257", "127.256.0.1", "127.0.65537.1", "127.16777217", "383.0.0.1"),
        *("6425673729", "0x17f000001", "057700000001", "0177.0.0.0400", "18446744075840258049"),
        *("127.0.0.1.1", "1.127.0.0.1", "0x100000000000000007f000001"),
    ),
    "not quite numbers": ("127.0.0.0x", "0x", "127..1", "0x7g.1", "0178.0.0.1", "127.0.0.1e0", "+127.0.0.1"),
    "percent": (
        *("%31%32%37.0.0.1", "%6cocalhost", "127%2e0%2e0%2e1", "127.0.0.1%00", "127.0.0.1%2f", "loc%61lhost"),
        *("localhost%00.public.example", "127.0.0.1%20", "127.0.0.1%09", "%5b::1%5d", "%30", "127.0.0.1%23"),
        *("%32%31%33%30%37%30%36%34%33%33", "public.example%40127.0.0.1", "%e2%93%9bocalhost"),
    ),
    "ambiguous user info": (
        *("a@b@127.0.0.1", "127.0.0.1@a@b.test", "decoy.test\\@127.0.0.1", "127.0.0.1\\@decoy.test"),
        *("user@", "user:pw@", "@", "@@127.0.0.1"),
    ),
    "empty labels": (
        *(
            "",
            ".",
            "..",
            ".127.0.0.1",
            "127..0.0.1",
            "localhost..",
            "..localhost",
            ".localhost",
            "127.0.0.1..",
        ),
        *("[]", "[.]", "[", "]", "[::1", "::1", "[[::1]]", "[::1].", "[localhost]", "[127.0.0.1]"),
    ),
    "blanks and controls": (
        *("127.0.0.1 ", " 127.0.0.1", "127.0.0.1\t", "127.0.0.1\r\nHost: x", "127.0.0.1\x00", "local\thost"),
        *(
            "127.0.0.1\n",
            "127.0.0.1\u2028",
            "127.0.0.1\u00a0",
            "\u200b127.0.0.1",
            "\ufeff127.0.0.1",
            "a\x7fb",
        ),
    ),
    "other letters, no address": (
        "[::\uff11]",
        "[::ffff:\uff1127.0.0.1]",
        "xn--127",
        "xn--",
        "xn--localhost-.",
        "\uff11\uff12\uff17\u3002",
    ),
}

# ── whole URLs ─────────────────────────────────────────────────────────────────────────────────

URLS: tuple[str, ...] = (
    *("HTTP://127.0.0.1:{port}/", "hTTps://127.0.0.1:{port}/", "http:/127.0.0.1:{port}/"),
    *("http://127.0.0.1:{port}", "http://127.0.0.1:{port}?x", "http://127.0.0.1:{port}#x"),
    *("http://127.0.0.1:0{port}/", "http://127.0.0.1:000000{port}/", "http://localhost:{port}/..//x"),
    *("http:///127.0.0.1:{port}/", "http:////127.0.0.1:{port}/", "http:127.0.0.1:{port}/"),
    *("http:\\\\127.0.0.1:{port}\\", "//127.0.0.1:{port}/", "127.0.0.1:{port}", "localhost:{port}/x"),
    *("http%3A%2F%2F127.0.0.1:{port}%2F", "https%3a//localhost:{port}", "http%3a%2f%2f%5b::1%5d:{port}"),
    *("http%253A%252F%252F127.0.0.1:{port}", "http%3A%2F%2Fa@127.0.0.1:{port}/"),
    *("http://127.0.0.1:{port}:80/", "http://127.0.0.1:{port}@decoy.test:99999/", "http://127.0.0.1:65536/"),
    *("gopher://127.0.0.1:{port}/_GET", "dict://127.0.0.1:{port}/", "ftp://127.0.0.1:{port}/"),
    *("file:///etc/passwd", "unix:///run/x.sock", "http+unix://%2Frun%2Fx.sock/", "ldap://127.0.0.1:{port}"),
    *("ws://127.0.0.1:{port}/", "javascript:alert(1)", "data:text/plain,x", "telnet://127.0.0.1:{port}"),
)

# ── hosts that are another one, and only look like the canary or hide it ───────────────────────

DECOYS: tuple[str, ...] = (
    *(
        "127.0.0.1@decoy.test",
        "localhost:80@decoy.test",
        "127.0.0.1%2f@decoy.test",
        "127.0.0.1%23@decoy.test",
    ),
    *("127.0.0.1.decoy.test", "localhost.decoy.test", "2130706433.decoy.test", "0x7f.1.decoy.test"),
    *("decoy.test.", "DECOY.test", "user:127.0.0.1@decoy.test", "[::1]@decoy.test", "%5B::1%5D@decoy.test"),
)

PUBLIC = "127.77.77.77"
"""Stands for a public address: the tests let this one through. Nobody listens there, and no packet leaves."""

# ── names, and what DNS answers ────────────────────────────────────────────────────────────────

NAMES: dict[str, tuple[str, ...]] = {
    "loopback.test": ("127.0.0.1",),
    "loopback2.test": ("127.1.2.3",),
    "loopback6.test": ("::1",),
    "unspecified.test": ("0.0.0.0",),
    "unspecified6.test": ("::",),
    "mapped.test": ("::ffff:127.0.0.1",),
    "translated.test": ("::ffff:0:127.0.0.1",),
    "nat64.test": ("64:ff9b::7f00:1",),
    "local-nat64.test": ("64:ff9b:1::7f00:1",),
    "6to4.test": ("2002:7f00:1::",),
    "teredo.test": ("2001::80ff:fffe",),
    "isatap.test": ("2606:4700::5efe:7f00:1",),
    "private.test": ("10.0.0.1",),
    "home.test": ("192.168.1.1",),
    "carrier.test": ("100.64.0.1",),
    "multicast.test": ("224.0.0.1",),
    "broadcast.test": ("255.255.255.255",),
    "ula.test": ("fd00::1",),
    "link-local.test": ("fe80::1",),
    "metadata.google.internal": ("169.254.169.254",),
    "metadata.goog": ("169.254.169.254",),
    "metadata": ("169.254.169.254",),
    "instance-data": ("169.254.169.254",),
    "instance-data.ec2.internal": ("fd00:ec2::254",),
    "metadata.azure.internal": ("168.63.129.16",),
    "metadata.tencentyun.com": ("169.254.0.23",),
    "metadata.platformequinix.com": ("192.168.255.255",),
    "100-100-100-200.test": ("100.100.100.200",),
    "127.0.0.1.nip.test": ("127.0.0.1",),
    "7f000001.c0a80001.rbndr.test": ("192.168.0.1", "127.0.0.1"),
    "two.test": ("127.0.0.1", "::1"),
    "public-first.test": (PUBLIC, "127.0.0.1"),
    "public-last.test": ("127.0.0.1", PUBLIC),
    "public-and-six.test": (PUBLIC, "::1"),
    "alias.test": ("loopback.test",),
    "alias-of-alias.test": ("alias.test",),
    "long-alias.test": ("alias-of-alias.test",),
    "alias-of-localhost.test": ("localhost",),
    "alias-of-metadata.test": ("metadata.google.internal",),
    "alias-of-mixed.test": ("public-first.test",),
    "circle.test": ("circle.test",),
    "empty.test": (),
    "localhost": ("127.0.0.1",),
    "decoy.test": (PUBLIC,),
    "127.0.0.1.decoy.test": (PUBLIC,),
    "localhost.decoy.test": (PUBLIC,),
    "2130706433.decoy.test": (PUBLIC,),
    "0x7f.1.decoy.test": (PUBLIC,),
}

HELPERS = frozenset(name for name in NAMES if name.endswith("decoy.test")) | {"localhost"}
"""Names that are no case of their own."""

NAME_CASES: tuple[str, ...] = (
    *(name for name in NAMES if name not in HELPERS),
    *("LOOPBACK.test", "loopback.test.", "user@loopback.test", "Alias.Test.", "unknown.test", "METADATA"),
)


def flat(table: dict[str, tuple[str, ...]]) -> list[str]:
    """Return the hosts of a table."""
    return [host for hosts in table.values() for host in hosts]


CASES = len(flat(REACHING)) + len(flat(PRIVATE)) + len(URLS) + len(DECOYS) + len(NAME_CASES)
