"""Revive dead letters: each becomes a new message with what was stored, and what the call overrides."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qstash_rq.address_guard import guard_callbacks
from qstash_rq.core import Core
from qstash_rq.delivery import DeadLetter
from qstash_rq.forwarding import overlay
from qstash_rq.headers import PublishOptions, parse_options
from qstash_rq.ids import new_message_id
from qstash_rq.message import Headers, Message
from qstash_rq.storing import store_messages

_OPTION_PREFIX = "upstash-"


def revive(core: Core, letters: Sequence[DeadLetter], overrides: Headers) -> list[str]:
    """Store a new message for each dead letter and remove the letters, all in one step.

    Returns the new ids in order. Raises NotFound when a letter is gone meanwhile, and
    what `parse_options` and the address guard raise for bad overrides. Deduplication is not
    applied (contract 2.6).
    """
    now_ms = core.clock.now_ms()
    # Only configuration overrides: a plain Content-Type describes the retry call, not the message.
    configuration = tuple(field for field in overrides if field[0].lower().startswith(_OPTION_PREFIX))
    queued = any(letter.message.queue_name is not None for letter in letters)
    options = parse_options(configuration, (), settings=core.settings, now_ms=now_ms, queued=queued)
    guard_callbacks(core, options.callback, options.failure_callback)
    messages = [_renewed(letter.message, options, now_ms) for letter in letters]
    if messages:
        store_messages(core, messages, revived=tuple(letter.dlq_id for letter in letters))
    return [message.message_id for message in messages]


def _renewed(message: Message, options: PublishOptions, now_ms: int) -> Message:
    changes: dict[str, Any] = {name: getattr(options, name) for name in options.explicit}
    changes["headers"] = overlay(options.headers, message.headers)
    changes.setdefault("not_before_ms", now_ms)
    return replace(message, message_id=new_message_id(), created_at_ms=now_ms, **changes)
