"""URL groups, which the wire calls topics (contract 2.5)."""

from api.wire.fields import Json, header_map, unless_empty
from qstash_rq.url_group import Endpoint, UrlGroup


def group_json(group: UrlGroup) -> Json:
    """Return a group object; its headers only when default headers are set."""
    return {
        "name": group.name,
        "createdAt": group.created_at_ms,
        "updatedAt": group.updated_at_ms,
        "endpoints": [_endpoint_json(endpoint) for endpoint in group.endpoints],
        **unless_empty("headers", header_map(group.headers)),
    }


def _endpoint_json(endpoint: Endpoint) -> Json:
    return {"url": endpoint.url, **unless_empty("name", endpoint.name)}
