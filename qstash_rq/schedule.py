"""The value of a schedule: what to send, when, and how its last tick went. No I/O."""

from dataclasses import dataclass

from qstash_rq.message import DEFAULT_RETRIES, Callback, Flow, Headers, Redaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What a schedule produces at every tick; replaced as a whole by an upsert (contract 2.4).

    `destination` is a URL as given or the name of a URL group; `cron` is as given, outer
    blanks trimmed, with its `CRON_TZ=` prefix.
    """

    schedule_id: str
    user_id: str
    cron: str
    destination: str
    created_at_ms: int
    method: str = "POST"
    headers: Headers = ()
    body: bytes = b""
    max_retries: int = DEFAULT_RETRIES
    retry_delay: str | None = None
    delay_ms: int = 0
    timeout_ms: int | None = None
    callback: Callback | None = None
    failure_callback: Callback | None = None
    queue_name: str | None = None
    caller_ip: str | None = None
    flow: Flow | None = None
    labels: tuple[str, ...] = ()
    redaction: Redaction | None = None
    # Fields that the request asked for: a group's default headers set only the others, at each tick.
    explicit: tuple[str, ...] = ()

    @property
    def to_group(self) -> bool:
        """Whether the destination is a URL group: the name of one holds no colon."""
        return ":" not in self.destination
