"""What one chaos run sends: a mixed list of messages, each with its number in its path."""

import random
from dataclasses import dataclass, field
from enum import StrEnum

TICK_MS = 60_000
# Schedules are made early enough for each to tick once at least.
EARLY = 0.35
QUEUES = [f"q{number}" for number in range(12)]
# What is left of a rate window after the way to the endpoint: see `limits`.
RATE = 40
PARALLELISM = 3
NEVER = 99

# Flow-control keys and what they allow.
KEYS = {
    **{f"p{number}": f"parallelism={PARALLELISM}" for number in range(4)},
    **{f"r{number}": f"rate={RATE},period=1s" for number in range(4)},
    **{f"b{number}": f"parallelism={PARALLELISM},rate={RATE},period=1s" for number in range(2)},
}


class Kind(StrEnum):
    """What is special about a message."""

    PLAIN = "plain"
    BARE = "bare"  # plain, without a deduplication id: sent once, whatever the answer
    QUEUED = "queued"
    LIMITED = "limited"
    DELAYED = "delayed"
    TOLD = "told"  # its attempts are told to a callback
    DEAD = "dead"  # never answered 2xx: a dead letter and a failure callback
    TICKING = "ticking"  # a schedule that ticks once a minute


# Of a hundred messages.
_SHARES = {
    Kind.PLAIN: 34,
    Kind.BARE: 8,
    Kind.QUEUED: 18,
    Kind.LIMITED: 15,
    Kind.DELAYED: 12,
    Kind.TOLD: 10,
    Kind.DEAD: 3,
}
_EARLY_SHARES = _SHARES | {Kind.TICKING: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One message to send; `failures` attempts are answered 500 before one is answered 200."""

    number: int
    kind: Kind
    line: str = "-"  # its queue or its flow-control key
    failures: int = 0
    attempts: int = 1
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def path(self) -> str:
        """Where it is delivered."""
        return f"/{self.kind}/{self.line}/{self.number}/{self.failures}"

    @property
    def safe_to_repeat(self) -> bool:
        """Whether a deduplication id makes sending it again harmless."""
        return self.kind is not Kind.BARE


def make_orders(dice: random.Random, count: int, url: str) -> list[Order]:
    """Return `count` messages in a random order; callbacks go to `url`."""
    early = round(count * EARLY)
    kinds = dice.choices([*_EARLY_SHARES], [*_EARLY_SHARES.values()], k=early)
    kinds += dice.choices([*_SHARES], [*_SHARES.values()], k=count - early)
    return [_make_order(dice, number, kind, url) for number, kind in enumerate(kinds)]


def _make_order(dice: random.Random, number: int, kind: Kind, url: str) -> Order:
    headers = {"Upstash-Retry-Delay": "100", "Upstash-Retries": "3", "Upstash-Timeout": "10s"}
    # The repetition of an attempt that was in flight costs none of these.
    failures = dice.choice((0, 0, 0, 0, 1, 2))
    line = "-"
    if kind is not Kind.BARE:
        headers["Upstash-Deduplication-Id"] = str(number)
    if kind is Kind.QUEUED:
        line = dice.choice(QUEUES)
    elif kind is Kind.LIMITED:
        line = dice.choice([*KEYS])
        headers |= {"Upstash-Flow-Control-Key": line, "Upstash-Flow-Control-Value": KEYS[line]}
    elif kind is Kind.DELAYED:
        headers["Upstash-Delay"] = f"{dice.randint(1, 25)}s"
    elif kind is Kind.TOLD:
        headers["Upstash-Callback"] = f"{url}/answer/-/{number}/0"
    elif kind is Kind.DEAD:
        failures = NEVER
        headers |= {"Upstash-Retries": "1", "Upstash-Failure-Callback": f"{url}/failure/-/{number}/0"}
    elif kind is Kind.TICKING:
        line = f"s{number}"
        headers |= {"Upstash-Cron": "@every 1m", "Upstash-Schedule-Id": line}
    attempts = 2 if kind is Kind.DEAD else failures + 1
    return Order(number=number, kind=kind, line=line, failures=failures, attempts=attempts, headers=headers)
