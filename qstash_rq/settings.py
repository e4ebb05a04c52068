"""Every setting, its environment variable, default and unit, read once at start.

`docs/settings.md` and `.env.example` are held to this file by a test.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from importlib.metadata import entry_points
from typing import Any

from qstash_rq.allowed_hosts import NOTHING_ALLOWED, AllowedHosts, parse_allowed_hosts
from qstash_rq.errors import SettingsError

DELIVERER_GROUP = "qstash_rq.deliverers"

DEVELOPMENT_TOKEN = "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0="  # noqa: S105 - a public constant of contract section 1
DEVELOPMENT_CURRENT_SIGNING_KEY = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r"
DEVELOPMENT_NEXT_SIGNING_KEY = "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs"

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    msg = "must be true or false"
    raise ValueError(msg)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        msg = "must be at least 1"
        raise ValueError(msg)
    return number


def _count_from_zero(text: str) -> int:
    number = int(text)
    if number < 0:
        msg = "must be at least 0"
        raise ValueError(msg)
    return number


def _setting(
    env: str, default: object, doc: str, parse: Callable[[str], object] = str, *, secret: bool = False
) -> Any:  # noqa: ANN401 - stands in for a field of any type
    """Declare one setting: its variable, default, meaning and parser."""
    metadata = {"env": env, "doc": doc, "parse": parse, "secret": secret}
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process; secrets never show in its `repr`."""

    redis_url: str = _setting(
        "REDIS_URL",
        "redis://127.0.0.1:6379/0",
        "Redis or Valkey: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster:// URL.",
        secret=True,  # it may hold a password
    )
    wait_replicas: int = _setting(
        "QSTASH_WAIT_REPLICAS",
        0,
        "Replicas that must have a message before its publish is answered.",
        _count_from_zero,
    )
    port: int = _setting("PORT", 8080, "TCP port the API listens on.", _count)
    token: str = _setting(
        "QSTASH_TOKEN", "", "Token of the first user. The API refuses to start without one.", secret=True
    )
    readonly_token: str = _setting(
        "QSTASH_READONLY_TOKEN", "", "Second token of the first user, for GET only.", secret=True
    )
    current_signing_key: str = _setting(
        "QSTASH_CURRENT_SIGNING_KEY",
        "",
        "First user's key that signs deliveries; made up when absent.",
        secret=True,
    )
    next_signing_key: str = _setting(
        "QSTASH_NEXT_SIGNING_KEY", "", "First user's key after the next rotation.", secret=True
    )
    allow_private_networks: bool = _setting(
        "QSTASH_ALLOW_PRIVATE_NETWORKS",
        False,  # noqa: FBT003 - a default value, not a flag argument
        "Deliver to loopback, private and link-local addresses too.",
        _boolean,
    )
    allowed_private_hosts: AllowedHosts = _setting(  # noqa: RUF009 - makes a field
        "QSTASH_ALLOWED_PRIVATE_HOSTS",
        NOTHING_ALLOWED,
        "Private hosts and networks to deliver to as well, comma-separated: orders.internal,10.1.0.0/16.",
        parse_allowed_hosts,
    )
    region: str = _setting(
        "QSTASH_REGION_HEADER",
        "EU-CENTRAL-1",
        "Value of Upstash-Region on deliveries: EU-CENTRAL-1, US-EAST-1, or empty for none.",
    )
    trusted_proxies: int = _setting(
        "QSTASH_TRUSTED_PROXIES",
        0,
        "Proxies in front of the API whose X-Forwarded-For entries are believed.",
        _count_from_zero,
    )
    cors_origins: str = _setting(
        "QSTASH_CORS_ORIGINS",
        "",
        "Origins whose pages may call the API from a browser, comma-separated; * for all, empty for none.",
    )
    burst_limit: int = _setting(
        "QSTASH_BURST_LIMIT",
        0,
        "Calls a user may make in one second, publish, enqueue and batch not counted; 0 for no limit.",
        _count_from_zero,
    )
    web_body_bytes: int = _setting(
        "QSTASH_WEB_BODY_BYTES",
        256_000_000,
        "Bytes of request bodies one web process holds at once; the call that goes over it is answered 503.",
        _count,
    )
    worker_concurrency: int = _setting(
        "QSTASH_WORKER_CONCURRENCY", 200, "Deliveries one worker process holds in flight.", _count
    )
    worker_body_bytes: int = _setting(
        "QSTASH_WORKER_BODY_BYTES",
        256_000_000,
        "Bytes of message bodies one worker process holds in flight, and of answers; one may go over it.",
        _count,
    )
    lease_ms: int = _setting(
        "QSTASH_LEASE_MS",
        8_000,
        "How long a claimed message stays with a silent worker, in milliseconds.",
        _count,
    )
    max_deaths: int = _setting(
        "QSTASH_MAX_DEATHS",
        3,
        "Deaths of its worker in a row after which a message is a dead letter; 0 for any number.",
        _count_from_zero,
    )
    max_body_bytes: int = _setting(
        "QSTASH_MAX_BODY_BYTES", 10_000_000, "Largest message body and largest stored response.", _count
    )
    max_batch_bytes: int = _setting(
        "QSTASH_MAX_BATCH_BYTES", 100_000_000, "Largest body of one batch call.", _count
    )
    max_delay_ms: int = _setting(
        "QSTASH_MAX_DELAY_MS", 31_536_000_000, "Longest delay of a message, in milliseconds (1 year).", _count
    )
    max_retries: int = _setting("QSTASH_MAX_RETRIES", 1_000, "Largest Upstash-Retries accepted.", _count)
    max_timeout_ms: int = _setting(
        "QSTASH_MAX_TIMEOUT_MS",
        7_200_000,
        "Longest and default HTTP time-out, in milliseconds (2 h).",
        _count,
    )
    max_queues: int = _setting("QSTASH_MAX_QUEUES", 1_000, "Queues a user may have.", _count)
    max_queue_parallelism: int = _setting(
        "QSTASH_MAX_QUEUE_PARALLELISM", 100, "Largest parallelism of a queue.", _count
    )
    max_schedules: int = _setting("QSTASH_MAX_SCHEDULES", 1_000, "Schedules a user may have.", _count)
    max_url_groups: int = _setting("QSTASH_MAX_URL_GROUPS", 1_000, "URL groups a user may have.", _count)
    max_group_endpoints: int = _setting(
        "QSTASH_MAX_GROUP_ENDPOINTS", 100, "Endpoints a URL group may have.", _count
    )
    max_global_parallelism: int = _setting(
        "QSTASH_GLOBAL_PARALLELISM", 100_000, "Deliveries in flight over all workers.", _count
    )
    max_bulk_cancel: int = _setting(
        "QSTASH_MAX_BULK_CANCEL", 500, "Largest count of one bulk cancel.", _count
    )
    dedup_window_ms: int = _setting(
        "QSTASH_DEDUP_WINDOW_MS",
        600_000,
        "How long a repeated publish counts as a duplicate of the first, in milliseconds (10 min).",
        _count,
    )
    grace_ms: int = _setting(
        "QSTASH_GRACE_MS",
        60_000,
        "How long a finished message still answers to GET /v2/messages, in milliseconds.",
        _count,
    )
    log_retention_ms: int = _setting(
        "QSTASH_LOG_RETENTION_MS", 604_800_000, "Age at which log records go, in milliseconds (7 d).", _count
    )
    log_max_entries: int = _setting(
        "QSTASH_LOG_MAX_ENTRIES", 1_000_000, "Log records kept per user; the oldest go first.", _count
    )
    dlq_retention_ms: int = _setting(
        "QSTASH_DLQ_RETENTION_MS", 604_800_000, "Age at which dead letters go, in milliseconds (7 d).", _count
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from `environ` (default: the process environment).

        Raises SettingsError naming the variable whose value does not parse.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for setting in fields(cls):
            env = setting.metadata["env"]
            if env not in environ:
                continue
            try:
                values[setting.name] = setting.metadata["parse"](environ[env].strip())
            except ValueError as error:
                msg = f"{env}: {error}"
                raise SettingsError(msg) from error
        return cls(**values)

    @property
    def record_retention_ms(self) -> int:
        """How long the record of a finished message is kept, so that its logs can show it."""
        return max(self.log_retention_ms, self.grace_ms)


def deliverable_schemes() -> frozenset[str]:
    """Return the URL schemes that can be delivered: http, https and those of installed plug-ins."""
    return frozenset({"http", "https"}) | {entry.name for entry in entry_points(group=DELIVERER_GROUP)}
