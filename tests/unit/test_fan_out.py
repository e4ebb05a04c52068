"""One message for each endpoint of a URL group, contract 3.8."""

from dataclasses import replace
from itertools import count

from qstash_rq.fan_out import expand
from qstash_rq.message import Callback, Message
from qstash_rq.url_group import Endpoint

_TEMPLATE = Message(
    message_id="template",
    user_id="user",
    url="group",
    created_at_ms=1,
    not_before_ms=2,
    body=b"body",
    queue_name="queue",
    callback=Callback(url="https://cb.io"),
)


def test_each_endpoint_gets_a_message_in_order() -> None:
    """Ids are fresh, URLs verbatim, names there where an endpoint has one; all else is the template's."""
    numbers = count()
    endpoints = (
        Endpoint(url="HTTPS://a.io//x", name="a"),
        Endpoint(url="https://b.io"),
        Endpoint(url="https://b.io"),
    )

    messages = expand(_TEMPLATE, "group", endpoints, lambda: f"msg_{next(numbers)}")

    assert messages == (
        replace(_TEMPLATE, message_id="msg_0", url="HTTPS://a.io//x", topic_name="group", endpoint_name="a"),
        replace(_TEMPLATE, message_id="msg_1", url="https://b.io", topic_name="group"),
        replace(_TEMPLATE, message_id="msg_2", url="https://b.io", topic_name="group"),
    )


def test_no_endpoints_make_no_messages() -> None:
    """Nothing is made of nothing."""
    assert expand(_TEMPLATE, "group", (), lambda: "msg_x") == ()
