"""Every script's head says what it takes and answers; this holds the text and the wrapper to it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import count
from typing import Any

import pytest

from qstash_rq.delivery import Settled
from qstash_rq.lanes import Lane
from qstash_rq.message import Message
from qstash_rq.schedule import Schedule
from qstash_rq.store import (
    delivery_scripts,
    explain_scripts,
    flow_scripts,
    groups,
    keys,
    message_scripts,
    queue_scripts,
    schedules,
    streams,
    upkeep_scripts,
    user_scripts,
)
from qstash_rq.store.delivery_scripts import Settlement
from qstash_rq.store.message_scripts import Item
from qstash_rq.store.schedules import ChangeSchedule, StoredSchedule
from qstash_rq.store.script import Call, load_script
from qstash_rq.store.user_scripts import PutMode
from tests.factories import make_message

_LUA = files("qstash_rq.store").joinpath("lua")
SCRIPTS = sorted(file.name.removesuffix(".lua") for file in _LUA.iterdir() if file.name.endswith(".lua"))
PARTS = sorted(file.name.removesuffix(".lua") for file in _LUA.joinpath("parts").iterdir())
_LONGEST = 60

# The names of the blocks are those of `keys.py`, but for these.
_OTHER_NAMES = {"record": "JOB"}


@dataclass(frozen=True)
class Sample:
    """A call with as few repeated arguments as may be, and one with one repetition more."""

    short: Call[Any]
    long: Call[Any] | None = None


def _accept(number: int) -> Call[Any]:
    return message_scripts.accept(
        user_id="u",
        items=[Item(messages=(make_message(),), digest="d")] * number,
        now_ms=1,
        max_queues=2,
        max_timeout_ms=3,
        dedup_window_ms=4,
        revived=["1-0"],
    )


def _change_flow(fields: dict[str, int]) -> Call[Any]:
    return flow_scripts.change_flow(lane=Lane("u", flow_key="k"), now_ms=1, fields=fields)


def _claim(lanes: list[str]) -> Call[Any]:
    return delivery_scripts.claim(
        worker="w", now_ms=1, lease_until_ms=2, most=3, most_in_flight=4, most_bytes=5, lanes=lanes
    )


def _settle(number: int, callbacks: tuple[Message, ...] = ()) -> Call[Any]:
    one = Settlement(message_id="m", attempt=1, outcome=Settled.DELIVERED, callbacks=callbacks)
    return delivery_scripts.settle(
        worker="w", now_ms=1, keep_ms=2, dead_keep_ms=3, max_timeout_ms=4, settlements=[one] * number
    )


def _tick(number: int) -> Call[Any]:
    return schedules.tick(
        stored=StoredSchedule(
            schedule=_SCHEDULE, version=1, paused=False, next_ms=1, last_ms=None, error=None, states={}
        ),
        now_ms=1,
        next_ms=2,
        messages=[make_message()] * number,
        error="",
        max_queues=3,
        max_timeout_ms=4,
    )


_LANE = Lane("u", "q")
_SCHEDULE = Schedule(
    schedule_id="s", user_id="u", cron="* * * * *", destination="http://a.io/", created_at_ms=1
)
SAMPLES: dict[str, Sample] = {
    "accept": Sample(_accept(0), _accept(1)),
    "cancel": Sample(
        message_scripts.cancel(user_id="u", message_ids=[], now_ms=1, keep_ms=2),
        message_scripts.cancel(user_id="u", message_ids=["m"], now_ms=1, keep_ms=2),
    ),
    "change_flow": Sample(_change_flow({}), _change_flow({"paused": 1})),
    "change_schedule": Sample(
        schedules.change_schedule(user_id="u", schedule_id="s", change=ChangeSchedule.PAUSE)
    ),
    "claim": Sample(_claim([]), _claim(["u:q"])),
    "close_queue": Sample(queue_scripts.close_queue(lane=_LANE)),
    "confirm": Sample(flow_scripts.confirm(arrivals=[]), flow_scripts.confirm(arrivals=[("u:~k", 1, 2)])),
    "discard": Sample(
        message_scripts.discard(user_id="u", dlq_ids=[]),
        message_scripts.discard(user_id="u", dlq_ids=["1-0"]),
    ),
    "beat": Sample(upkeep_scripts.beat(name="s", now_ms=1, ttl_s=2, kept_s=3)),
    "drain": Sample(upkeep_scripts.drain(lane_name="u:q", now_ms=1, keep_ms=2, most=3)),
    "expire": Sample(
        upkeep_scripts.expire(
            user_id="u",
            now_ms=1,
            log_retention_ms=2,
            log_max_entries=3,
            dlq_retention_ms=4,
            grace_ms=5,
            most=6,
        )
    ),
    "explain": Sample(explain_scripts.explain(user_id="u", message_id="m")),
    "forget_flow": Sample(flow_scripts.forget_flow(lane=Lane("u", flow_key="k"))),
    "forget_tick": Sample(schedules.forget_tick(member="u:s")),
    "give_back": Sample(
        delivery_scripts.give_back(now_ms=1, keep_ms=2, held=[]),
        delivery_scripts.give_back(now_ms=1, keep_ms=2, held=[("m", 1)]),
    ),
    "promote": Sample(upkeep_scripts.promote(now_ms=1, most=2)),
    "put_back": Sample(message_scripts.put_back(message_id="m")),
    "put_group": Sample(
        groups.put_group(user_id="u", name="g", version=1, now_ms=2, max_groups=3, endpoints=(), headers=())
    ),
    "put_schedule": Sample(schedules.put_schedule(schedule=_SCHEDULE, now_ms=1, next_ms=2, max_schedules=3)),
    "put_user": Sample(user_scripts.put_user(user_id="u", mode=PutMode.ADD)),
    "recover": Sample(upkeep_scripts.recover(now_ms=1, keep_ms=2, most=3)),
    "renew": Sample(
        delivery_scripts.renew(lease_until_ms=1, held=[]),
        delivery_scripts.renew(lease_until_ms=1, held=[("m", 1)]),
    ),
    "rotate_keys": Sample(user_scripts.rotate_keys(user_id="u", new_key="k")),
    "settle": Sample(_settle(0), _settle(1)),
    "sweep": Sample(upkeep_scripts.sweep(user_id="u", before_ms=1, offset=2, most=3)),
    "sweep_flow": Sample(upkeep_scripts.sweep_flow(lane=Lane("u", flow_key="k"), most=1)),
    "sweep_queue": Sample(
        upkeep_scripts.sweep_queue(lane_name="u:q", most=1),
        upkeep_scripts.sweep_queue(lane_name="u:q", most=1, gone=["a"]),
    ),
    "tick": Sample(_tick(0), _tick(1)),
    "upsert_queue": Sample(
        queue_scripts.upsert_queue(lane=_LANE, now_ms=1, parallelism=2, paused=True, max_queues=3)
    ),
    "walk": Sample(streams.walk(keys.LOG("u"), streams.Span(), None)),
}


@dataclass(frozen=True)
class Block:
    """A script's head, taken apart."""

    first: str
    keys: dict[int, str]
    args: dict[int, str]
    repeats: bool
    words: dict[str, str]
    uses: tuple[str, ...]
    code: str


def _source(name: str) -> str:
    return _LUA.joinpath(f"{name}.lua").read_text(encoding="utf-8")


def _part(name: str) -> str:
    return _LUA.joinpath("parts", f"{name}.lua").read_text(encoding="utf-8")


def _code(source: str) -> str:
    return "\n".join(line.split("--")[0] for line in source.splitlines())


def _numbered(text: str) -> dict[int, str]:
    """Return the entries `1 name   2 name ...`; three blanks stand between two of them."""
    found = re.findall(r"(?:^|   |\n\s*)(\d+) (.+?)(?=   |\n|$)", text)
    return {int(number): entry for number, entry in found}


def _sections(comment: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each word that opens a line of the head, with what follows up to the next one."""
    opened, lines = "", list[str]()
    for line in comment:
        found = re.match(r"(KEYS|ARGV|Returns|Refuses|uses:)\s+(.*)", line)
        if found:
            yield opened, "\n".join(lines)
            opened, lines = found[1], [found[2]]
        else:
            lines.append(line)
    yield opened, "\n".join(lines)


def _read_block(name: str) -> Block:
    source = _source(name)
    lines = source.splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    comment = [line.removeprefix("-- ").removeprefix("--") for line in lines[:end]]
    words = dict(_sections(comment))
    return Block(
        first=lines[0],
        keys=_numbered(words["KEYS"]),
        args=_numbered(words["ARGV"]),
        repeats="then" in words["ARGV"],
        words=words,
        uses=tuple(words["uses:"].split(", ")) if "uses:" in words else (),
        code=_code(source),
    )


def _used(word: str, code: str) -> set[int]:
    return {int(number) for number in re.findall(rf"\b{word}\[(\d+)\]", code)}


def _functions(part: str) -> set[str]:
    return set(re.findall(r"^local function (\w+)", _part(part), re.MULTILINE))


def test_there_is_a_sample_of_every_script() -> None:
    """No script is left out of these tests."""
    assert sorted(SAMPLES) == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_head_is_complete(name: str) -> None:
    """A script begins with its name and one sentence, then says KEYS, ARGV, Returns and Refuses."""
    block = _read_block(name)

    assert re.match(rf"-- {name}: [a-z].+", block.first)
    assert all(block.words[word].strip() for word in ("KEYS", "ARGV", "Returns", "Refuses"))
    assert "." in block.words["Refuses"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_numbers_of_a_head_are_those_of_the_text(name: str) -> None:
    """KEYS and ARGV are numbered without a gap, and the text uses none beyond the last."""
    block = _read_block(name)
    code = block.code + "".join(_code(_part(part)) for part in block.uses)

    assert list(block.keys) == list(range(1, len(block.keys) + 1))
    assert list(block.args) == list(range(1, len(block.args) + 1))
    assert _used("KEYS", code) <= set(block.keys)
    assert _used("ARGV", code) <= set(block.args)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_argument_is_used(name: str) -> None:
    """An argument of a head that the text never touches is a leftover."""
    block = _read_block(name)
    # Three arguments of put_user are reached by counting, the rest of accept's by its loop.
    counted = {5, 6, 7} if name == "put_user" else set[int]()

    assert _used("ARGV", block.code) | counted == set(block.args)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_wrapper_sends_what_its_head_says(name: str) -> None:
    """The call has as many keys as the head, of the types it says, and as many arguments."""
    block, sample = _read_block(name), SAMPLES[name]

    assert sample.short.script == load_script(name)
    assert len(sample.short.keys) == len(block.keys)
    for key, entry in zip(sample.short.keys, block.keys.values(), strict=True):
        word, kind = re.match(r"(\w+) \((\w+)", entry).groups()  # type: ignore[union-attr] # a mismatch is the failure
        declared = keys.ALL[_OTHER_NAMES.get(word, word.upper())]
        assert key.startswith(declared.name)
        assert (key == declared.name) == (not declared.of)
        assert kind == declared.type
    # A dead letter that is revived, and the number of messages where there are none.
    others = 1 if name in {"accept", "tick"} else 0
    assert len(sample.short.args) == len(block.args) + others
    assert (sample.long is not None) == block.repeats
    if sample.long is not None:
        assert len(sample.long.args) > len(sample.short.args)
        assert sample.long.keys == sample.short.keys


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_word_a_script_answers_is_in_its_head(name: str) -> None:
    """What the text returns in quotes stands under Returns."""
    block = _read_block(name)
    returned = re.findall(r"return \{? ?'(\w+)'", block.code)

    assert all(word in block.words["Returns"] for word in returned)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_uses_the_parts_it_names_and_no_others(name: str) -> None:
    """Each part stands behind those it builds on, and none is loaded for nothing."""
    block = _read_block(name)
    texts = [_code(_part(part)) for part in block.uses]
    for position, part in zip(count(), block.uses):
        later = "".join(texts[position + 1 :]) + block.code
        assert any(re.search(rf"\b{function}\(", later) for function in _functions(part)), part
    for part in PARTS:
        if part in block.uses:
            continue
        called = [function for function in _functions(part) if re.search(rf"\b{function}\(", block.code)]
        assert called == [], f"{name} calls {called} without -- uses: {part}"


@pytest.mark.parametrize("name", SCRIPTS)
def test_parts_find_what_they_call(name: str) -> None:
    """What a part calls of other parts is loaded above it, unless it is never called from here."""
    uses = _read_block(name).uses
    homes = {function: part for part in PARTS for function in _functions(part)}
    for position, part in enumerate(uses):
        called = {
            home for function, home in homes.items() if re.search(rf"\b{function}\(", _code(_part(part)))
        }
        assert called - {part} <= set(uses[:position]), part


@pytest.mark.parametrize("part", PARTS)
def test_a_part_says_what_it_gives(part: str) -> None:
    """A part opens with the signature and the sense of each function meant for others."""
    text = _part(part)
    head = text[: text.index("\nlocal ")]
    shared = {
        function
        for function in _functions(part)
        if any(re.search(rf"\b{function}\(", _code(other)) for other in _others(part))
    }

    assert shared
    assert all(f"-- {function}(" in head for function in shared)


@pytest.mark.parametrize("path", [*SCRIPTS, *(f"parts/{part}" for part in PARTS)])
def test_lua_stays_short_and_spells_no_key(path: str) -> None:
    """A file fits on a page, and every key name comes from `keys.py`."""
    source = _source(path)

    assert len(source.splitlines()) <= _LONGEST
    assert not re.search(r"'[^']*(rq|qstash|\{test\}):", source)
    assert "KEYS pattern" not in source
    assert not re.search(r"call\('(KEYS|SCAN|TIME|FLUSH\w+|RANDOMKEY)'", source)
    assert set(re.findall(r"\bK\.(\w+)", source)) <= {word.lower() for word in keys.ALL}


def _others(part: str) -> Iterator[str]:
    yield from (_source(name) for name in SCRIPTS)
    yield from (_part(other) for other in PARTS if other != part)


def test_digests_differ() -> None:
    """No two scripts are the same text, and a digest is that of the whole text."""
    digests = [load_script(name).digest for name in SCRIPTS]

    assert len(set(digests)) == len(SCRIPTS)
