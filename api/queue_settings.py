"""Read the body of a queue upsert (contract 2.3); what the values may be is for the core to judge."""

from collections.abc import Mapping
from dataclasses import dataclass

from qstash_rq.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """A queue as asked for; `paused` None keeps what is."""

    name: str
    parallelism: int
    paused: bool | None


def parse_queue_settings(body: Mapping[str, object]) -> QueueSettings:
    """Return the settings in a JSON body; raises InvalidInput naming the field of a wrong type."""
    return QueueSettings(
        name=_name(body.get("queueName")),
        parallelism=_parallelism(body.get("parallelism")),
        paused=_paused(body.get("paused")),
    )


def _name(value: object) -> str:
    if not isinstance(value, str):
        msg = "queueName: must be a string"
        raise InvalidInput(msg)
    return value


def _parallelism(value: object) -> int:
    if value is None:
        return 1
    if isinstance(value, bool) or not isinstance(value, int):
        msg = "parallelism: must be a whole number"
        raise InvalidInput(msg)
    return value


def _paused(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        msg = "paused: must be true or false"
        raise InvalidInput(msg)
    return value
