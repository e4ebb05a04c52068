"""/v2/schedules: create, read, pause and delete schedules (contract 2.4)."""

from flask import Blueprint, Response

from api.answer import answer, done
from api.publish_request import publish_request
from api.request_scope import current_core, current_user_id
from api.wire.schedules import schedule_json
from qstash_rq.publish import schedule
from qstash_rq.schedules import (
    delete_schedule,
    get_schedule,
    list_schedules,
    pause_schedule,
    resume_schedule,
)

blueprint = Blueprint("schedules", __name__)

# The documentation says POST, the clients send PATCH.
_CHANGING = ("PATCH", "POST", "PUT")


@blueprint.post("/v2/schedules")
@blueprint.post("/v2/schedules/<name:_destination>")
def create(_destination: str = "") -> Response:
    """Create a schedule, or replace every setting of the one that the request names."""
    # `raw_target` has set the destination aside; one that stands in the path is there for routing alone.
    return answer({"scheduleId": schedule(current_core(), current_user_id(), publish_request())})


@blueprint.get("/v2/schedules")
def read_all() -> Response:
    """Answer all schedules of the user."""
    return answer([schedule_json(stored) for stored in list_schedules(current_core(), current_user_id())])


@blueprint.get("/v2/schedules/<name:schedule_id>")
def read_one(schedule_id: str) -> Response:
    """Answer one schedule."""
    return answer(schedule_json(get_schedule(current_core(), current_user_id(), schedule_id)))


@blueprint.delete("/v2/schedules/<name:schedule_id>")
def delete(schedule_id: str) -> Response:
    """Delete a schedule, whether it exists or not."""
    delete_schedule(current_core(), current_user_id(), schedule_id)
    return done()


@blueprint.route("/v2/schedules/<name:schedule_id>/pause", methods=_CHANGING)
def pause(schedule_id: str) -> Response:
    """Drop the ticks of a schedule from now on."""
    pause_schedule(current_core(), current_user_id(), schedule_id)
    return done()


@blueprint.route("/v2/schedules/<name:schedule_id>/resume", methods=_CHANGING)
def resume(schedule_id: str) -> Response:
    """Let a schedule tick again, from its next tick."""
    resume_schedule(current_core(), current_user_id(), schedule_id)
    return done()
