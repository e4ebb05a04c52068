"""/v2/queues: create, read, pause and delete FIFO queues (contract 2.3)."""

from flask import Blueprint, Response, request

from api.answer import answer, done
from api.body import parse_object, read_body
from api.queue_settings import parse_queue_settings
from api.request_scope import caller_ip, current_core, current_user_id
from api.wire.queues import queue_json
from qstash_rq.queues import delete_queue, get_queue, list_queues, pause_queue, resume_queue, upsert_queue

blueprint = Blueprint("queues", __name__)


@blueprint.post("/v2/queues")
def upsert() -> Response:
    """Create a queue or change its parallelism and pause."""
    core = current_core()
    wanted = parse_queue_settings(parse_object(read_body(request.environ, core.settings.max_body_bytes)))
    upsert_queue(
        core,
        current_user_id(),
        wanted.name,
        parallelism=wanted.parallelism,
        paused=wanted.paused,
        caller_ip=caller_ip(),
    )
    return done()


@blueprint.get("/v2/queues")
def read_all() -> Response:
    """Answer all queues of the user."""
    return answer([queue_json(queue) for queue in list_queues(current_core(), current_user_id())])


@blueprint.get("/v2/queues/<name:name>")
def read_one(name: str) -> Response:
    """Answer one queue."""
    return answer(queue_json(get_queue(current_core(), current_user_id(), name)))


@blueprint.delete("/v2/queues/<name:name>")
def delete(name: str) -> Response:
    """Delete a queue, whether it exists or not."""
    delete_queue(current_core(), current_user_id(), name)
    return done()


@blueprint.post("/v2/queues/<name:name>/pause")
def pause(name: str) -> Response:
    """Stop new deliveries from a queue."""
    pause_queue(current_core(), current_user_id(), name, caller_ip=caller_ip())
    return done()


@blueprint.post("/v2/queues/<name:name>/resume")
def resume(name: str) -> Response:
    """Deliver from a queue again."""
    resume_queue(current_core(), current_user_id(), name)
    return done()
