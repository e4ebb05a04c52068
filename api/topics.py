"""/v2/topics: URL groups, their endpoints and default headers (contract 2.5)."""

from flask import Blueprint, Response

from api.answer import answer, done
from api.request_scope import current_core, current_user_id, json_body
from api.wire.url_groups import group_json
from qstash_rq.url_group_rules import parse_endpoints, parse_group_headers, parse_removals
from qstash_rq.url_groups import (
    delete_group,
    get_group,
    list_groups,
    remove_endpoints,
    set_group_headers,
    upsert_endpoints,
)

blueprint = Blueprint("topics", __name__)


@blueprint.get("/v2/topics")
def read_all() -> Response:
    """Answer all groups of the user."""
    return answer([group_json(group) for group in list_groups(current_core(), current_user_id())])


@blueprint.get("/v2/topics/<name:name>")
def read_one(name: str) -> Response:
    """Answer one group."""
    return answer(group_json(get_group(current_core(), current_user_id(), name)))


@blueprint.post("/v2/topics/<name:name>/endpoints")
def upsert(name: str) -> Response:
    """Merge endpoints into a group, made if need be."""
    core = current_core()
    upsert_endpoints(core, current_user_id(), name, parse_endpoints(json_body(), schemes=core.schemes))
    return done()


@blueprint.delete("/v2/topics/<name:name>/endpoints")
def remove(name: str) -> Response:
    """Remove endpoints from a group, and the group with the last of them."""
    remove_endpoints(current_core(), current_user_id(), name, parse_removals(json_body()))
    return done()


@blueprint.patch("/v2/topics/<name:name>")
def set_headers(name: str) -> Response:
    """Replace the default headers of a group and answer the group."""
    headers = parse_group_headers(json_body())
    return answer(group_json(set_group_headers(current_core(), current_user_id(), name, headers)))


@blueprint.delete("/v2/topics/<name:name>")
def delete(name: str) -> Response:
    """Delete a group, whether it exists or not."""
    delete_group(current_core(), current_user_id(), name)
    return done()
