"""One message for each endpoint of a URL group (contract 3.8)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from qstash_rq.message import Message
from qstash_rq.url_group import Endpoint


def expand(
    template: Message, group_name: str, endpoints: Sequence[Endpoint], new_id: Callable[[], str]
) -> tuple[Message, ...]:
    """Return a message for each endpoint, in order; `template` gives all but id, URL and names."""
    return tuple(
        replace(
            template,
            message_id=new_id(),
            url=endpoint.url,
            topic_name=group_name,
            endpoint_name=endpoint.name,
        )
        for endpoint in endpoints
    )
