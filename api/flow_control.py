"""/v2/flowControl and /v2/globalParallelism: look at limits and change them by hand (contract 2.9)."""

from flask import Blueprint, Response

from api.answer import answer, done
from api.request_scope import caller_ip, current_core, current_user_id, query_parameters
from api.wire.flow_control import flow_json, global_parallelism_json
from qstash_rq.flow_control import (
    get_flow,
    get_global_parallelism,
    list_flows,
    pause_flow,
    pin_flow,
    reset_rate,
    resume_flow,
    unpin_flow,
)

blueprint = Blueprint("flow_control", __name__)


@blueprint.get("/v2/flowcontrol")
def read_all() -> Response:
    """Answer the user's keys, or those that contain the searched text."""
    search = query_parameters().text("search") or ""
    return answer([flow_json(flow) for flow in list_flows(current_core(), current_user_id(), search=search)])


@blueprint.get("/v2/flowcontrol/<text:key>")
def read_one(key: str) -> Response:
    """Answer one key."""
    return answer(flow_json(get_flow(current_core(), current_user_id(), key)))


@blueprint.post("/v2/flowcontrol/<text:key>/pause")
def pause(key: str) -> Response:
    """Dispatch nothing for a key any more."""
    pause_flow(current_core(), current_user_id(), key, caller_ip=caller_ip())
    return done()


@blueprint.post("/v2/flowcontrol/<text:key>/resume")
def resume(key: str) -> Response:
    """Dispatch for a key again."""
    resume_flow(current_core(), current_user_id(), key)
    return done()


@blueprint.post("/v2/flowcontrol/<text:key>/pin")
def pin(key: str) -> Response:
    """Set limits that messages no longer change."""
    given = query_parameters()
    pin_flow(
        current_core(),
        current_user_id(),
        key,
        parallelism=given.number("parallelism"),
        rate=given.number("rate"),
        period_s=given.number("period"),
    )
    return done()


@blueprint.post("/v2/flowcontrol/<text:key>/unpin")
def unpin(key: str) -> Response:
    """Let messages set the limits again."""
    given = query_parameters()
    parallelism, rate = given.flag("parallelism"), given.flag("rate")
    unpin_flow(current_core(), current_user_id(), key, parallelism=parallelism, rate=rate)
    return done()


@blueprint.post("/v2/flowcontrol/<text:key>/resetrate")
@blueprint.post("/v2/flowcontrol/<text:key>/reset")
def reset(key: str) -> Response:
    """Start a new rate window now.

    The older name resets the count of deliveries in flight too; here that count is exact at all times.
    """
    reset_rate(current_core(), current_user_id(), key)
    return done()


@blueprint.get("/v2/globalparallelism")
def read_global_parallelism() -> Response:
    """Answer the cap over all workers and what is in flight."""
    return answer(global_parallelism_json(get_global_parallelism(current_core())))
