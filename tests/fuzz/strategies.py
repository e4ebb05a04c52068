"""What the fuzzers draw from: request targets, option headers, JSON bodies; right, nearly right and wrong."""

from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from qstash_rq.option_table import DELIVERY_OPTIONS, MESSAGE_OPTIONS
from tests.api.described import DESCRIPTION

_ROUGH = st.text(max_size=12)
_CONTROL = st.text(st.characters(max_codepoint=0x9F), max_size=12)
_NAMES = st.sampled_from(["q", "my-group", "every-monday", "a.b_c-1", "x" * 256, "x" * 257, "", "ü", "a b"])
_IDS = st.sampled_from(["msg_x", "1-0", "1700000000000-1", "18446744073709551616-0", "-1-0", "0", "scd_1"])
_NUMBERS = (
    st.integers(-(2**70), 2**70).map(str)
    | st.floats().map(str)
    | st.sampled_from(["", "1e3", "0x1", "\u0661"])
)


def _words(*words: str) -> st.SearchStrategy[str]:
    """Return texts made of a few of these words: grammar for the most part, and often not quite."""
    return st.lists(st.sampled_from(words), max_size=7).map("".join)


_DURATIONS = _words("1", "30", "0", "99999999999", "d", "h", "m", "s", ".5", "-", " ", "ms")
_CRONS = _words(
    "* ", "1 ", "0-59 ", "*/5 ", "1,2 ", "MON", "L ", "@every ", "@daily", "1h", "CRON_TZ=Europe/Berlin ", "?"
)
_EXPRESSIONS = _words(
    "1", "2.5", "1e9", "retried", "+", "-", "*", "/", "^", "(", ")", ",", "pow(", "min(", "sqrt(", " "
)
_FLOWS = _words("parallelism", "rate", "period", "=", " = ", "1", "0", "9999999", "1h", "8d", ",", ", ")
_REDACTIONS = _words("body", "header", "headers", "[", "]", "X-A", "*", ",", ", ", "[Authorization]")
_HOSTS = st.sampled_from(
    ["a.io", "127.0.0.1", "[::1]", "[::1", "a:1", "a:99999", "u:p@a", "a..b", "", "ü.de", "a b"]
)

urls = st.builds(
    lambda scheme, host, rest: f"{scheme}{host}{rest}",
    st.sampled_from(["http://", "https://", "HTTP://", "http:/", "ftp://", "http:", "//", "http%3A%2F%2F"]),
    _HOSTS | _ROUGH,
    st.text(max_size=20).map(lambda text: f"/{text}"),
)
_VALUES = st.one_of(
    _ROUGH, _CONTROL, _NAMES, _NUMBERS, _DURATIONS, _CRONS, _EXPRESSIONS, _FLOWS, _REDACTIONS, urls,
    st.sampled_from(["true", "False", "POST", "get", "TRACE", "\x1f", "a\x1fb", "a,b", ",", "é"]),
)  # fmt: skip

_OPTIONS = [option.name for option in MESSAGE_OPTIONS.values()]
_SUB_OPTIONS = [option.name for option in DELIVERY_OPTIONS.values()]
_HEADER_NAMES = st.one_of(
    st.sampled_from([f"Upstash-{name}" for name in _OPTIONS]),
    st.sampled_from(
        [f"Upstash-{way}-{name}" for name in _SUB_OPTIONS for way in ("Callback", "Failure-Callback")]
    ),
    st.sampled_from(["Upstash-Forward-X", "Upstash-Forward-Host", "Upstash-Callback-Forward-X", "X-Plain"]),
    st.sampled_from(
        ["Content-Type", "Content-Encoding", "Upstash-Telemetry-Sdk", "Upstash-", "Upstash-Callback-"]
    ),
    _words("Upstash-", "Callback-", "Failure-", "Forward-", "Retries", "X", "1", "-"),
)

headers = st.dictionaries(_HEADER_NAMES, _VALUES, max_size=4)

# ── targets ────────────────────────────────────────────────────────────────────────────────────

_WORDS = st.one_of(_NAMES, _IDS, _ROUGH, urls, _NUMBERS)
_ENCODE = st.sampled_from([str, lambda text: quote(text, safe=""), lambda text: quote(text, safe="/:?=&")])
_PARAMETERS = sorted(
    {
        parameter["name"]
        for parameter in DESCRIPTION["components"]["parameters"].values()
        if parameter["in"] == "query"
    }
    | {
        "messageIds",
        "dlqIds",
        "count",
        "cursor",
        "order",
        "label",
        "fromDate",
        "upstash-retries",
        "upstash-delay",
    }
)


def _fill(template: str, words: list[str], encode: Any) -> str:
    parts = template.split("{")
    filled = [parts[0]]
    for part, word in zip(parts[1:], words, strict=False):
        filled.append(encode(word) + part.partition("}")[2])
    return "".join(filled)


_paths = st.builds(
    _fill, st.sampled_from(sorted(DESCRIPTION["paths"])), st.lists(_WORDS, min_size=2, max_size=2), _ENCODE
)
_pairs = st.tuples(st.sampled_from(_PARAMETERS) | _ROUGH, _VALUES, _ENCODE)
_queries = st.lists(_pairs, max_size=4).map(
    lambda pairs: "&".join(f"{encode(name)}={encode(value)}" for name, value, encode in pairs)
)
_targets = st.builds(lambda path, query: f"{path}?{query}" if query else path, _paths | _ROUGH, _queries)
targets = _targets.filter(bool)  # no server hands on an empty one

# ── bodies ─────────────────────────────────────────────────────────────────────────────────────

_KEYS = st.sampled_from(
    [
        *(
            "destination",
            "headers",
            "body",
            "queue",
            "queueName",
            "parallelism",
            "paused",
            "endpoints",
            "url",
        ),
        *("name", "messageIds", "dlqIds", "count", "cursor", "label", "fromDate", "toDate", "responseStatus"),
    ]
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | _VALUES
values = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_KEYS | _HEADER_NAMES | _ROUGH, inner, max_size=4)
    ),
    max_leaves=12,
)
items = st.fixed_dictionaries(
    {"destination": st.sampled_from(["http://a.io", "my-group"]) | _VALUES},
    optional={
        "headers": st.dictionaries(_HEADER_NAMES, _VALUES | st.lists(_VALUES, max_size=3), max_size=4)
        | values,
        "body": _VALUES | values,
        "queue": _NAMES | values,
        "surprise": values,
    },
)
bodies = st.binary(max_size=200) | values.map(lambda value: value) | st.lists(items, max_size=4)
