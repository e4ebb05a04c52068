"""GET /v2/events and /v2/logs (contract 2.7): one list under two names."""

from flask import Blueprint, Response

from api.answer import answer
from api.request_scope import current_core, current_user_id, query_parameters
from api.selection import DOCUMENTED_LOG_PAGE, LogSelection, log_selection
from api.wire.fields import Json, page_json
from api.wire.logs import log_json
from qstash_rq.logs import list_log

blueprint = Blueprint("logs", __name__)


@blueprint.get("/v2/events")
def read_events() -> Response:
    """Answer log records as the clients ask for them."""
    return answer(_page("events", log_selection(query_parameters())))


@blueprint.get("/v2/logs")
def read_logs() -> Response:
    """Answer log records under the documented name, and under the clients' name as well."""
    page = _page("logs", log_selection(query_parameters(), default_count=DOCUMENTED_LOG_PAGE))
    return answer(page | {"events": page["logs"]})


def _page(name: str, chosen: LogSelection) -> Json:
    page = list_log(
        current_core(),
        current_user_id(),
        chosen.wanted,
        states=chosen.states,
        cursor=chosen.cursor,
        count=chosen.count,
        earliest_first=chosen.earliest_first,
    )
    records = [log_json(record, body_limit=chosen.body_limit) for record in page.items]
    return page_json(name, records, page.cursor)
