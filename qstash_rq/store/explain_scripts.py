"""Typed wrapper of explain: everything that one message may wait for, read at one moment."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from qstash_rq.lanes import EVERY_LANE
from qstash_rq.message import State
from qstash_rq.situation import FlowGate, Holder, Line, Pause, QueueGate, Situation
from qstash_rq.store import keys
from qstash_rq.store.records import decode_message
from qstash_rq.store.script import Call, load_script

MOST_NAMED = 10
MOST_PLACES = 1_000


def explain(*, user_id: str, message_id: str) -> Call[Situation | None]:
    """Read the facts about a message of this user; None when it has no such message. Writes nothing."""

    def decode(answer: bytes) -> Situation | None:
        return _situation(message_id, user_id, json.loads(answer)) if answer else None

    args = (message_id, user_id, MOST_NAMED, MOST_PLACES, EVERY_LANE)
    return Call(load_script("explain"), (keys.JOB(message_id),), args, decode)


def _situation(message_id: str, user_id: str, found: Mapping[str, Any]) -> Situation:
    record, line = found["message"], found["line"]
    message = decode_message(message_id, user_id, record["spec"].encode(), b"")
    error: Mapping[str, Any] = json.loads(found["error"]) if "error" in found else {}
    return Situation(
        message=message,
        state=State(record["state"]),
        attempts=int(record.get("attempt", 0)),
        retried=int(record.get("retried", 0)),
        cancel_requested="cancel" in record,
        line=Line(before=line.get("before"), length=line["length"], counted=MOST_PLACES),
        in_flight=found["in_flight"],
        suspended=found["suspended"],
        worker_beats_ms=tuple(sorted(_iso_ms(text) for text in found["workers"])),
        scheduler_beat_ms=_whole(found, "beat_ms"),
        queue=_queue(found["queue"]) if "queue" in found else None,
        flow=_flow(found["flow"], record["flow"].partition(":~")[2]) if "flow" in found else None,
        due_ms=_whole(found, "due_ms"),
        lease_until_ms=_whole(found, "lease_until_ms"),
        started_ms=_time(record, "started_at"),
        worker=record.get("worker_name"),
        last_error=error.get("error"),
        ended_ms=_whole(record, "ended_ms"),
        dlq_id=record.get("dlq_id"),
        callbacks=tuple(found.get("callbacks", ())),
        suspect="suspect" in record,
        deaths=len(record.get("deaths", "").split()),
        on_trial=found.get("trial"),
    )


def _queue(gate: Mapping[str, Any]) -> QueueGate:
    return QueueGate(
        # A deleted queue has no gate any more; its messages wait to be cancelled.
        parallelism=int(gate.get("parallelism", 1)),
        held=gate["held"],
        holders=_holders(gate["holders"]),
        before=gate.get("before"),
        holds_slot=gate["holds"],
        pause=_pause(gate),
        closing=gate.get("closing", False),
    )


def _flow(gate: Mapping[str, Any], key: str) -> FlowGate:
    return FlowGate(
        key=key,
        parallelism=int(gate.get("parallelism", 0)),
        held=gate["held"],
        holders=_holders(gate["holders"]),
        rate=int(gate.get("rate", 0)),
        count=int(gate.get("count", 0)),
        window_ends_ms=gate["ends_ms"],
        # Somebody found the window shut, be it full or about to end, and the scheduler opens the next one.
        window_awaited="wakes_ms" in gate,
        pause=_pause(gate),
        pinned_parallelism=gate.get("pin_parallelism") == "1",
        pinned_rate=gate.get("pin_rate") == "1",
        turns_before=gate.get("turns"),
    )


def _pause(gate: Mapping[str, Any]) -> Pause | None:
    if gate.get("paused") != "1":
        return None
    return Pause(since_ms=_whole(gate, "paused_ms"), caller_ip=gate.get("paused_ip"))


def _holders(found: Any) -> tuple[Holder, ...]:  # noqa: ANN401 - parsed JSON, where an empty list is an object
    holders = [
        Holder(
            message_id=one["id"],
            state=State(one["state"]),
            since_ms=_time(one, "started_at"),
            worker=one.get("worker_name"),
            due_ms=_whole(one, "due_ms"),
            callbacks=tuple(one.get("callbacks", ())),
        )
        for one in found
        if "state" in one
    ]
    return tuple(sorted(holders, key=lambda holder: (holder.since_ms or 0, holder.message_id)))


def _whole(found: Mapping[str, Any], name: str) -> int | None:
    return int(float(found[name])) if name in found else None


def _time(found: Mapping[str, Any], name: str) -> int | None:
    return _iso_ms(found[name]) if name in found else None


def _iso_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
