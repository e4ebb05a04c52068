"""Parts of the contract that this server does not have yet: they say so instead of answering 404."""

from flask import Blueprint, Response, request

from qstash_rq.errors import NotSupported

blueprint = Blueprint("not_built", __name__)

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_RESOURCES = ("batch", "topics", "schedules", "flowcontrol", "globalparallelism")


def refuse(rest: str = "") -> Response:
    """Refuse the call, naming the resource."""
    resource = request.path.removesuffix(rest).rstrip("/")
    msg = f"{resource} is not supported yet"
    raise NotSupported(msg)


for _resource in _RESOURCES:
    blueprint.add_url_rule(f"/v2/{_resource}", view_func=refuse, methods=_METHODS)
    blueprint.add_url_rule(f"/v2/{_resource}/<path:rest>", view_func=refuse, methods=_METHODS)
