"""Queues (contract 2.3)."""

from api.wire.fields import Json
from qstash_rq.lanes import Queue


def queue_json(queue: Queue) -> Json:
    """Return a Queue object, every field always present."""
    return {
        "name": queue.name,
        "parallelism": queue.parallelism,
        "createdAt": queue.created_at_ms,
        "updatedAt": queue.updated_at_ms,
        "lag": queue.lag,
        "paused": queue.paused,
    }
