"""What a schedule produces at one tick (contract 3.5)."""

from collections.abc import Callable, Sequence

from qstash_rq.fan_out import expand
from qstash_rq.message import Message
from qstash_rq.schedule import Schedule
from qstash_rq.url_group import Endpoint


def messages_of_tick(
    schedule: Schedule, endpoints: Sequence[Endpoint], now_ms: int, new_id: Callable[[], str]
) -> tuple[Message, ...]:
    """Return the messages of a tick: one, or one for each of `endpoints` when it goes to a group.

    A group without endpoints, or gone, produces none.
    """
    template = Message(
        message_id=new_id(),
        user_id=schedule.user_id,
        url=schedule.destination,
        created_at_ms=now_ms,
        not_before_ms=now_ms + schedule.delay_ms,
        method=schedule.method,
        headers=schedule.headers,
        body=schedule.body,
        max_retries=schedule.max_retries,
        retry_delay=schedule.retry_delay,
        timeout_ms=schedule.timeout_ms,
        caller_ip=schedule.caller_ip,
        labels=schedule.labels,
        queue_name=schedule.queue_name,
        schedule_id=schedule.schedule_id,
        callback=schedule.callback,
        failure_callback=schedule.failure_callback,
        flow=schedule.flow,
        redaction=schedule.redaction,
    )
    if not schedule.to_group:
        return (template,)
    return expand(template, schedule.destination, endpoints, new_id)
