"""Read how a message is delivered, with its callbacks and their callbacks (contract 3.4).

`Upstash-Callback-<X>` configures a callback as `Upstash-<X>` configures a message, so a callback is read by
the same table behind a longer prefix. Sub-headers without the URL of their callback are not read at all.
"""

from typing import Any

from qstash_rq.errors import InvalidInput
from qstash_rq.flow import parse_flow
from qstash_rq.forwarding import forwarded_headers
from qstash_rq.message import Callback, Headers
from qstash_rq.option_table import DELIVERY_OPTIONS, FLOW_KEY, FLOW_VALUE, Reading, read_options

# The field, and what follows the prefix of whoever is called back.
_CALLBACKS = (("failure_callback", "Failure-Callback-"), ("callback", "Callback-"))
_MAX_DEPTH = 4  # bounds the recursion, and what one message can set off


def finish_delivery(values: dict[str, Any], fields: Headers, prefix: str, reading: Reading) -> None:
    """Make flow control and callbacks, of which `read_options` put the raw texts into `values`, into values.

    What was not given stays absent. Raises InvalidInput naming the header.
    """
    key, value = values.pop("flow_key", None), values.pop("flow_value", None)
    flow = parse_flow(key, value, fields=(prefix + FLOW_KEY, prefix + FLOW_VALUE))
    if flow is not None:
        values["flow"] = flow
    for field, name in _CALLBACKS:
        if field in values:
            values[field] = _read_callback(values[field], fields, prefix + name, reading)


def _read_callback(url: str, fields: Headers, prefix: str, reading: Reading) -> Callback:
    if prefix.count("Callback-") > _MAX_DEPTH:
        msg = f"{prefix[:-1]}: callbacks may not be nested deeper than {_MAX_DEPTH} levels"
        raise InvalidInput(msg)
    start = prefix.lower()
    own = tuple(field for field in fields if field[0].lower().startswith(start))
    values = read_options(DELIVERY_OPTIONS, own, prefix, reading)
    finish_delivery(values, own, prefix, reading)
    _choose_time(values, prefix, reading)
    return Callback(url=url, headers=forwarded_headers(own, prefix), **values)


def _choose_time(values: dict[str, Any], prefix: str, reading: Reading) -> None:
    if "not_before_ms" in values:
        values.pop("delay_ms", None)
        name, late = "Not-Before", values["not_before_ms"] > reading.now_ms
    else:
        name, late = "Delay", values.get("delay_ms", 0) > 0
    # A slot is held until the callbacks have ended (contract 4.8), so a late one would stop the whole queue.
    if late and reading.queued:
        msg = f"{prefix}{name}: cannot be combined with a queue"
        raise InvalidInput(msg)
