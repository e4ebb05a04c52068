"""The `Upstash-*` headers as parameters: a row of the core's option table each, for messages and callbacks.

A row without a schema here fails at import, so that no header goes undescribed.
"""

from typing import Final

from api.openapi import patterns
from api.openapi.schema import Json, mapping, text
from qstash_rq.flow import MAX_KEY_CHARACTERS
from qstash_rq.names import MAX_NAME_CHARACTERS
from qstash_rq.option_table import DELIVERY_OPTIONS, MESSAGE_OPTIONS, Option

_SPAN = "A duration such as 1d2h3m4s; a bare number is seconds"
_NAME: Json = {"pattern": patterns.NAME, "maxLength": MAX_NAME_CHARACTERS}


def _option(doc: str, example: str, pattern: str | None = None, **more: object) -> Json:
    matching = {} if pattern is None else {"pattern": pattern}
    return text(doc, examples=[example], **matching, **more)


_MEANINGS: dict[str, Json] = {
    "Method": _option("HTTP method of the delivery; default POST", "PUT", patterns.METHOD),
    "Delay": _option(f"Wait before the first attempt. {_SPAN}", "1h", patterns.DURATION),
    "Not-Before": _option("Earliest delivery, Unix seconds; overrides the delay", "1735689600", "^-?[0-9]+$"),
    "Retries": _option("Retries after the first attempt; default 3", "5", patterns.WHOLE),
    "Retry-Delay": _option(
        "Wait before a retry in ms, an expression of `retried`", "pow(2, retried) * 1000", minLength=1
    ),
    "Timeout": _option(f"Limit of one attempt, at least 1s. {_SPAN}", "30s", patterns.DURATION),
    "Label": _option("Labels, separated by commas", "red,blue"),
    "Flow-Control-Key": _option(
        "Messages with the same key share limits; needs Flow-Control-Value",
        "user/42",
        patterns.PRINTABLE,
        minLength=1,
        maxLength=MAX_KEY_CHARACTERS,
    ),
    "Flow-Control-Value": _option(
        "The limits of Flow-Control-Key", "parallelism=3, rate=10, period=1m", patterns.LIMITS
    ),
    "Redact-Fields": _option(
        "What the API shows only as a hash: `body`, `header` (all), `header[Name]`",
        "body, header[Authorization]",
        patterns.REDACTION,
    ),
    "Callback": _option("URL that is told of every attempt", "https://example.com/told", patterns.URL),
    "Failure-Callback": _option(
        "URL that is told of the final failure", "https://example.com/failed", patterns.URL
    ),
    "Queue-Name": _option("Queue to enqueue to", "orders", **_NAME),
    "Deduplication-Id": _option("A second message with this id is accepted and not stored", "order-42"),
    "Content-Based-Deduplication": _option(
        "Make the id of destination, body and headers", "true", patterns.BOOLEAN
    ),
    "Header-Forward": _option("Forward all plain headers of this call", "true", patterns.BOOLEAN),
    "Cron": _option(
        "Make a schedule: five fields or a descriptor, with `CRON_TZ=<zone> ` before it if need be",
        "0 8 * * 1",
        minLength=1,
    ),
    "Schedule-Id": _option("Id of the schedule to make or replace", "every-monday", **_NAME),
}

CRON: Final = "Upstash-Cron"

_FORWARD = "A header of the delivery: any name may follow the prefix"

_PREFIXES = {
    "Upstash-": MESSAGE_OPTIONS,
    "Upstash-Callback-": DELIVERY_OPTIONS,
    "Upstash-Failure-Callback-": DELIVERY_OPTIONS,
}


def _parameters(prefix: str, table: dict[str, Option]) -> Json:
    named = {prefix + option.name: _MEANINGS[option.name] for option in table.values()}
    named[f"{prefix}Forward-My-Header"] = text(_FORWARD)
    return {name: {"name": name, "in": "header", "schema": meaning} for name, meaning in named.items()}


OPTION_HEADERS: Json = {
    name: parameter
    for prefix, table in _PREFIXES.items()
    for name, parameter in _parameters(prefix, table).items()
}
"""The header parameters of the description, by name."""

OPTION_QUERY: Json = {
    "UpstashQuery": {
        "name": "upstash-*",
        "in": "query",
        "description": "Every header below may come as a query parameter of the same name; the header wins. "
        "What is left of the query belongs to the destination.",
        "style": "form",
        "explode": True,
        "schema": mapping(text(), propertyNames={"pattern": "^[Uu][Pp][Ss][Tt][Aa][Ss][Hh]-."}),
    }
}
