"""Read and write schedules and let them tick."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from qstash_rq.message import Message
from qstash_rq.schedule import Schedule
from qstash_rq.store import keys
from qstash_rq.store.executor import Executor, Word
from qstash_rq.store.message_args import all_message_args
from qstash_rq.store.records import decode_spec, encode_schedule
from qstash_rq.store.script import Call, load_script

_FIELDS = ("version", "cron", "spec", "body", "created_ms", "paused", "next_ms", "last_ms", "error")


class PutSchedule(StrEnum):
    """What put_schedule answers."""

    WRITTEN = "written"
    SCHEDULES_FULL = "schedules_full"


class ChangeSchedule(StrEnum):
    """What change_schedule is asked to do."""

    PAUSE = "pause"
    RESUME = "resume"
    DELETE = "delete"


class Changed(StrEnum):
    """What change_schedule answers."""

    WRITTEN = "written"
    GONE = "gone"


class Ticked(StrEnum):
    """What tick answers."""

    TICKED = "ticked"
    MISSED = "missed"  # another scheduler was first, or the schedule changed
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSchedule:
    """A schedule and how it stands; `states` are of the messages of its last tick, by id."""

    schedule: Schedule
    version: int
    paused: bool
    next_ms: int | None
    last_ms: int | None
    error: str | None
    states: dict[str, str]

    @property
    def member(self) -> str:
        """The name under which it stands among the ticks."""
        return member_of(self.schedule.user_id, self.schedule.schedule_id)


def member_of(user_id: str, schedule_id: str) -> str:
    """Return the name under which a schedule stands among the ticks."""
    return f"{user_id}:{schedule_id}"


def read_schedule_ids(store: Executor, user_id: str) -> list[str]:
    """Return the ids of the user's schedules, sorted."""
    return sorted(word.decode() for word in store.command("SMEMBERS", keys.SCHEDULE_IDS(user_id)))


def read_schedules(store: Executor, members: Sequence[str]) -> list[StoredSchedule]:
    """Return those of the given schedules (user:schedule id) that exist; one round trip."""
    commands: list[tuple[Word, ...]] = []
    for member in members:
        commands += [("HMGET", keys.SCHEDULE(member), *_FIELDS), ("HGETALL", keys.TICK_STATES(member))]
    answers = store.commands(commands)
    return [
        _schedule(member, row, {name.decode(): state.decode() for name, state in states.items()})
        for member, row, states in zip(members, answers[::2], answers[1::2], strict=True)
        if row[0] is not None
    ]


def read_due_ticks(store: Executor, now_ms: int, most: int) -> tuple[list[str], int | None]:
    """Return the schedules whose tick has come, and when the first of all ticks is."""
    rows = store.commands(
        [
            ("ZRANGEBYSCORE", keys.TICKS(), "-inf", now_ms, "LIMIT", 0, most),
            ("ZRANGE", keys.TICKS(), 0, 0, "WITHSCORES"),
        ]
    )
    return [word.decode() for word in rows[0]], _first_score(rows[1])


def put_schedule(
    *, schedule: Schedule, now_ms: int, next_ms: int | None, max_schedules: int
) -> Call[PutSchedule]:
    """Create a schedule or replace all of its settings."""
    member = member_of(schedule.user_id, schedule.schedule_id)
    args: tuple[Word, ...] = (
        member,
        schedule.schedule_id,
        now_ms,
        "" if next_ms is None else next_ms,
        max_schedules,
        schedule.cron,
        encode_schedule(schedule),
        schedule.body,
    )
    names = (keys.SCHEDULE(member), keys.SCHEDULE_IDS(schedule.user_id), keys.TICKS())
    return Call(load_script("put_schedule"), names, args, lambda answer: PutSchedule(answer.decode()))


def change_schedule(*, user_id: str, schedule_id: str, change: ChangeSchedule) -> Call[Changed]:
    """Pause, resume or delete a schedule."""
    member = member_of(user_id, schedule_id)
    names = (
        keys.SCHEDULE(member),
        keys.SCHEDULE_IDS(user_id),
        keys.TICKS(),
        keys.TICK_STATES(member),
    )
    args = (member, schedule_id, change.value)
    return Call(load_script("change_schedule"), names, args, lambda answer: Changed(answer.decode()))


def forget_tick(*, member: str) -> Call[None]:
    """Take a schedule off the ticks if it does not exist."""
    names = (keys.SCHEDULE(member), keys.TICKS())
    return Call(load_script("forget_tick"), names, (member,), lambda _: None)


def tick(
    *,
    stored: StoredSchedule,
    now_ms: int,
    next_ms: int | None,
    messages: Sequence[Message],
    error: str,
    max_queues: int,
    max_timeout_ms: int,
) -> Call[Ticked]:
    """Let a schedule tick once, as it was read: its messages and its next tick in one step."""
    member = stored.member
    args: list[Word] = [
        member,
        stored.schedule.user_id,
        now_ms,
        stored.version,
        stored.next_ms or "",
        "" if next_ms is None else next_ms,
        max_queues,
        error,
    ]
    args += all_message_args(messages, max_timeout_ms=max_timeout_ms)
    names = (keys.SCHEDULE(member), keys.TICK_STATES(member))
    return Call(load_script("tick"), names, tuple(args), lambda answer: Ticked(answer.decode()))


def _schedule(member: str, row: Sequence[bytes | None], states: dict[str, str]) -> StoredSchedule:
    user_id, _, schedule_id = member.partition(":")
    version, cron, spec, body, created_ms, paused, next_ms, last_ms, error = (word or b"" for word in row)
    return StoredSchedule(
        schedule=Schedule(
            schedule_id=schedule_id,
            user_id=user_id,
            cron=cron.decode(),
            created_at_ms=int(created_ms),
            body=body,
            **decode_spec(spec),
        ),
        version=int(version),
        paused=paused == b"1",
        next_ms=int(next_ms) if next_ms else None,
        last_ms=int(last_ms) if last_ms else None,
        error=error.decode() or None,
        states=states,
    )


def _first_score(rows: Sequence[bytes]) -> int | None:
    return int(float(rows[1])) if rows else None
