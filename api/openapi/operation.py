"""Write one operation of a path in few words: what it takes, what it answers, which errors it can have."""

from collections.abc import Iterable
from http import HTTPStatus

from api.openapi.parameters import refer
from api.openapi.schema import Json, schema

JSON = "application/json"

_ERRORS = {
    "400": "Malformed: a path, parameter, header or body outside its grammar",
    "401": "No token, or a wrong one",
    "403": "The token only reads",
    "404": "Does not exist",
    "412": "A limit would be exceeded",
    "413": "The body is larger than the limit",
    "429": "Too many calls in one second; only where the server limits them",
    "500": "A defect of the server",
    "503": "Redis cannot be reached",
}

RAW_REQUEST: Json = {"required": False, "content": {"*/*": {"schema": {}}}}
"""A request body of any bytes and content type."""

_BURST_HEADERS = {
    "Burst-RateLimit-Limit": "Calls allowed in one second",
    "Burst-RateLimit-Remaining": "Calls left in this second",
    "Burst-RateLimit-Reset": "Unix second in which counting starts anew",
}

_ALWAYS = ("400", "401", "500", "503")
_COUNTED = ("429",)


def _error(status: str, doc: str) -> Json:
    response: Json = {"description": doc, "content": {JSON: {"schema": schema("Error")}}}
    if status == str(HTTPStatus.TOO_MANY_REQUESTS.value):
        response["headers"] = {
            name: {"description": text, "required": True, "schema": {"type": "integer"}}
            for name, text in _BURST_HEADERS.items()
        }
    return response


ERROR_RESPONSES: Json = {f"Error{status}": _error(status, doc) for status, doc in _ERRORS.items()}
"""The shared responses of the description."""


def operation(
    summary: str,
    answers: Json,
    *,
    parameters: Iterable[str] = (),
    body: Json | None = None,
    errors: Iterable[str] = (),
    limited: bool = True,
) -> Json:
    """Return an operation; its name is the summary without blanks.

    `answers` maps a status to the schema of its JSON. `errors` are those beside the ones any call can
    have; `limited` calls count towards the burst limit.
    """
    statuses = {*_ALWAYS, *errors, *(_COUNTED if limited else ())}
    first, *others = summary.split()
    described: Json = {
        "operationId": first.lower() + "".join(word.capitalize() for word in others),
        "summary": summary,
        "parameters": refer(tuple(parameters)),
        "responses": {status: _answer(shape) for status, shape in answers.items()}
        | {status: {"$ref": f"#/components/responses/Error{status}"} for status in sorted(statuses)},
    }
    if body is not None:
        described["requestBody"] = body
    return described


def open_operation(summary: str, answers: Json, *, errors: Iterable[str] = ()) -> Json:
    """Return an operation that needs no token and cannot be called wrongly."""
    described = operation(summary, answers, limited=False)
    kept = {*answers, *errors, "500"}
    described["responses"] = {
        status: shape for status, shape in described["responses"].items() if status in kept
    }
    return described | {"security": []}


def json_request(shape: Json, *, required: bool = True) -> Json:
    """Return a request body of JSON; its content type is not looked at."""
    return {"required": required, "content": {JSON: {"schema": shape}}}


def _answer(shape: Json) -> Json:
    return {"description": shape.get("description", "Done"), "content": {JSON: {"schema": shape}}}
