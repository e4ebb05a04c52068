"""What a ready message waits for at the gates of its queue and of its flow-control key. Pure."""

from collections.abc import Iterator

from qstash_rq.reason import Reason, ReasonKind
from qstash_rq.situation import FlowGate, Holder, Pause, QueueGate, Situation
from qstash_rq.telling_time import future, moment

_NAMED = 3


def queue_reasons(situation: Situation) -> Iterator[Reason]:
    """Yield what holds a message back at the gate of its queue; a message that holds a slot passes."""
    queue, name = situation.queue, situation.message.queue_name
    if queue is None:
        return
    if queue.pause is not None:
        yield Reason(
            kind=ReasonKind.QUEUE_PAUSED,
            text=f"queue {name} {_paused(queue.pause)}",
            since_ms=queue.pause.since_ms,
            caller_ip=queue.pause.caller_ip,
            queue_name=name,
        )
    if queue.holds_slot:
        return
    if queue.held >= queue.parallelism:
        yield _slots_held(queue, name)
    if queue.before is not None and queue.before > queue.held:
        text = f"{queue.before} messages of queue {name} come before it"
        yield Reason(kind=ReasonKind.QUEUE_ORDER, text=text, queue_name=name, before=queue.before)


def flow_reasons(situation: Situation, now_ms: int) -> Iterator[Reason]:
    """Yield what holds a message back at the gate of its flow-control key."""
    flow = situation.flow
    if flow is None:
        return
    if flow.pause is not None:
        yield Reason(
            kind=ReasonKind.FLOW_PAUSED,
            text=f"flow-control key {flow.key} {_paused(flow.pause)}",
            since_ms=flow.pause.since_ms,
            caller_ip=flow.pause.caller_ip,
            flow_key=flow.key,
        )
    if flow.parallelism and flow.held >= flow.parallelism:
        yield _deliveries_in_flight(flow)
    used_up = flow.count >= flow.rate or flow.window_awaited
    if flow.rate and used_up and now_ms < flow.window_ends_ms:
        yield _window_used_up(flow, now_ms)
    if flow.turns_before:
        text = f"{flow.turns_before} lanes that wait for flow-control key {flow.key} have their turn first"
        yield Reason(kind=ReasonKind.FLOW_TURN, text=text, flow_key=flow.key, before=flow.turns_before)


def _slots_held(queue: QueueGate, name: str | None) -> Reason:
    slots = "its slot is" if queue.held == 1 else f"its {queue.held} slots are"
    text = f"queue {name} delivers {queue.parallelism} at a time, and {slots} held by "
    return Reason(
        kind=ReasonKind.QUEUE_PARALLELISM,
        text=text + _named(queue.holders),
        queue_name=name,
        limit=queue.parallelism,
        count=queue.held,
        holders=queue.holders,
    )


def _deliveries_in_flight(flow: FlowGate) -> Reason:
    pinned = "pinned, " if flow.pinned_parallelism else ""
    text = f"flow-control key {flow.key} has {flow.held} of {flow.parallelism} deliveries in flight "
    return Reason(
        kind=ReasonKind.FLOW_PARALLELISM,
        text=f"{text}({pinned}{_named(flow.holders)})",
        flow_key=flow.key,
        limit=flow.parallelism,
        count=flow.held,
        pinned=flow.pinned_parallelism,
        holders=flow.holders,
    )


def _window_used_up(flow: FlowGate, now_ms: int) -> Reason:
    pinned = " (pinned)" if flow.pinned_rate else ""
    text = f"flow-control key {flow.key} has started {flow.count} of {flow.rate}{pinned} deliveries "
    return Reason(
        kind=ReasonKind.FLOW_RATE,
        text=f"{text}in this window, which ends {future(flow.window_ends_ms, now_ms)}",
        until_ms=flow.window_ends_ms,
        flow_key=flow.key,
        limit=flow.rate,
        count=flow.count,
        pinned=flow.pinned_rate,
    )


def _paused(pause: Pause) -> str:
    when = "" if pause.since_ms is None else f" since {moment(pause.since_ms)}"
    who = "" if pause.caller_ip is None else f", by {pause.caller_ip}"
    return f"has been paused{when}{who}"


def _named(holders: tuple[Holder, ...]) -> str:
    if not holders:
        return "messages that have just ended"
    named = ", ".join(_holder(holder) for holder in holders[:_NAMED])
    more = len(holders) - _NAMED
    return f"{named} and others" if more > 0 else named


def _holder(holder: Holder) -> str:
    if holder.due_ms is not None:
        return f"{holder.message_id} (its retry is due at {moment(holder.due_ms)})"
    if holder.callbacks:
        verb = "callback" if len(holder.callbacks) == 1 else "callbacks"
        return f"{holder.message_id} ({holder.state}, but not its {verb} {', '.join(holder.callbacks)})"
    if holder.since_ms is not None and holder.worker is not None:
        since = moment(holder.since_ms)
        return f"{holder.message_id} ({holder.state} on worker {holder.worker} since {since})"
    return f"{holder.message_id} ({holder.state})"
