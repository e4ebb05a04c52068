"""The `Upstash-*` headers as parameters: a row of the core's option table each, for messages and callbacks.

A row without a schema here fails at import, so that no header goes undescribed.
"""

from api.openapi.schema import Json, mapping, text, word
from qstash_rq.names import MAX_NAME_CHARACTERS
from qstash_rq.option_table import DELIVERY_OPTIONS, MESSAGE_OPTIONS, Option

_DURATION = "A duration such as 1d2h3m4s; a bare number is seconds"
_NUMBER = r"[0-9]+(\.[0-9]+)?"
_DURATION_PATTERN = rf"^({_NUMBER}|(?=.)({_NUMBER}d)?({_NUMBER}h)?({_NUMBER}m)?({_NUMBER}s)?)$"
_BOOLEAN = r"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"
_METHOD = "^([Gg][Ee][Tt]|[Pp][Oo][Ss][Tt]|[Pp][Uu][Tt]|[Pp][Aa][Tt][Cc][Hh]|[Dd][Ee][Ll][Ee][Tt][Ee])$"
_URL = "^[Hh][Tt][Tt][Pp][Ss]?://.+"
_NAME: Json = {"pattern": r"^[A-Za-z0-9._-]+$", "maxLength": MAX_NAME_CHARACTERS}

_MEANINGS: dict[str, Json] = {
    "Method": text("HTTP method of the delivery; default POST", pattern=_METHOD),
    "Delay": text(f"Wait before the first attempt. {_DURATION}", pattern=_DURATION_PATTERN),
    "Not-Before": text("Earliest delivery, Unix seconds; overrides the delay", pattern="^-?[0-9]+$"),
    "Retries": text("Retries after the first attempt; default 3", pattern="^[0-9]+$"),
    "Retry-Delay": word(
        "Wait before a retry, in ms: an expression of `retried`, such as `pow(2, retried) * 1000`"
    ),
    "Timeout": text(f"Limit of one attempt, at least 1s. {_DURATION}", pattern=_DURATION_PATTERN),
    "Label": text("Labels, separated by commas"),
    "Flow-Control-Key": word("Messages with the same key share limits; needs Flow-Control-Value"),
    "Flow-Control-Value": word("`parallelism=<n>`, `rate=<n>`, `period=<duration>`, separated by commas"),
    "Redact-Fields": word(
        "What the API shows only as a hash: `body`, `header`, `header[Name]`, separated by commas"
    ),
    "Callback": text("URL that is told of every attempt", pattern=_URL),
    "Failure-Callback": text("URL that is told of the final failure", pattern=_URL),
    "Queue-Name": text("Queue to enqueue to", **_NAME),
    "Deduplication-Id": text("A second message with this id is accepted and not stored"),
    "Content-Based-Deduplication": text("Make the id of destination, body and headers", pattern=_BOOLEAN),
    "Header-Forward": text("Forward all plain headers of this call", pattern=_BOOLEAN),
    "Cron": word("Make a schedule: five fields or a descriptor, with `CRON_TZ=<zone> ` before it if need be"),
    "Schedule-Id": text("Id of the schedule to make or replace", **_NAME),
}

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
