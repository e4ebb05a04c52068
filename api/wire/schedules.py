"""Schedules (contract 2.4)."""

from api.wire.fields import Json, header_map, text_or_base64, unless_empty, unless_none, whole_seconds
from api.wire.options import callbacks_json, options_json
from qstash_rq.redaction import redact
from qstash_rq.schedule import Schedule
from qstash_rq.schedules import StoredSchedule


def schedule_json(stored: StoredSchedule) -> Json:
    """Return a Schedule object; delay and time-out in seconds, as nowhere else."""
    shown = redact(stored.schedule)
    return {
        "scheduleId": shown.schedule_id,
        "cron": shown.cron,
        "destination": shown.destination,
        "createdAt": shown.created_at_ms,
        "method": shown.method,
        "retries": shown.max_retries,
        "isPaused": stored.paused,
        **unless_empty("header", header_map(shown.headers)),
        **text_or_base64("body", shown.body),
        **_times(shown),
        **options_json(shown),
        **callbacks_json(shown),
        **_ticks(stored),
    }


def _times(shown: Schedule) -> Json:
    return {
        **unless_empty("delay", whole_seconds(shown.delay_ms)),
        **unless_empty("timeout", whole_seconds(shown.timeout_ms or 0)),
    }


def _ticks(stored: StoredSchedule) -> Json:
    fields = {**unless_none("nextScheduleTime", stored.next_ms), **unless_empty("error", stored.error)}
    if stored.last_ms is not None:
        fields |= {"lastScheduleTime": stored.last_ms, "lastScheduleStates": stored.states}
    return fields
