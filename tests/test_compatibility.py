"""docs/compatibility.md, held to the code: routes, headers, parameters, fields, and the tests it names."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import pytest

from api.app import create_app
from api.openapi.document import describe
from api.raw_target import rewrite
from qstash_rq.callbacks import callback_message
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt, Claim
from qstash_rq.message import Callback, LogState, Message
from qstash_rq.option_table import DELIVERY_OPTIONS, MESSAGE_OPTIONS
from qstash_rq.settings import Settings
from tests.api.serving import Caller, error
from tests.pages import ROOT, Row, read, rows, tables, ticked
from workers.preparation import prepare

PAGE = "docs/compatibility.md"
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
# The tables of fields, and what the description of the API calls the object.
OBJECTS = {
    "Receipt": "Receipt",
    "Message": "Message",
    "Queue": "Queue",
    "Schedule": "Schedule",
    "URL group": "UrlGroup",
    "Flow-control key": "FlowControl",
    "Global parallelism": "GlobalParallelism",
    "Key pair": "SigningKeys",
    "Log record": "LogRecord",
    "Explanation": "Explanation",
    "Reason": "Reason",
    "Holder": "Holder",
}
OTHER_ANSWERS = (
    *("Error", "ScheduleCreated", "Cancelled", "DeadLetterPage", "DeadLettersDeleted", "DeadLetterRetried"),
    *("DeadLettersRetried", "EventPage", "LogPage", "Healthy"),
)
BODIES = ("QueueGiven", "EndpointsGiven", "GroupHeadersGiven")
UNCERTAIN_POINTS = 28

EVERYTHING = Message(
    message_id="msg_1",
    user_id="user",
    url="https://example.com",
    created_at_ms=1,
    not_before_ms=1,
    headers=(("Content-Type", "text/plain"),),
    body=b"body",
    caller_ip="10.0.0.1",
    labels=("label",),
    queue_name="queue",
    topic_name="group",
    endpoint_name="endpoint",
    schedule_id="schedule",
)
DESCRIPTION: dict[str, Any] = describe()
SCHEMAS: dict[str, Any] = DESCRIPTION["components"]["schemas"]


def under(heading: str, column: str) -> list[Row]:
    """Give the rows of the tables with this column that stand under a heading of the lowest kind."""
    _, _, text = read(PAGE).partition(f"\n### {heading}\n")
    found = [row for table in tables(re.split(r"\n##+ ", text)[0]) for row in table if column in row]
    assert found, f"{PAGE} has no table with {column} under {heading}"
    return found


def names_in(found: list[Row], column: str) -> set[str]:
    """Give all that stands in backticks in a column; nothing may stand there twice."""
    names = [name for row in found for name in ticked(row[column])]
    assert len(names) == len(set(names)), sorted(names)
    return set(names)


def test_every_route_is_on_the_page(core: Core) -> None:
    """Each route of the app is an endpoint of the page, under each method, and each endpoint is a route."""
    app = create_app(core)
    routes = app.url_map.bind("localhost")
    found: list[tuple[str, str]] = []
    for row in rows(PAGE, "Endpoint"):
        (endpoint,) = ticked(row["Endpoint"])
        methods, target = endpoint.rsplit(" ", 1)
        target = re.sub(r"\{\w+\}", "x", target.replace("{destination}", "https://example.com/a"))
        for method in methods.split(", "):
            environ: dict[str, Any] = {"REQUEST_METHOD": method, "RAW_URI": target}
            rewrite(environ)
            rule, _ = routes.match(environ["PATH_INFO"], method, return_rule=True)
            found.append((method, rule.rule))

    assert sorted(found) == sorted(
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    )


def test_every_option_is_on_the_page() -> None:
    """Each row of the option table is a header of the page, for messages and both callbacks; no other is."""
    shown = {name for row in rows(PAGE, "Header") for name in ticked(row["Header"])}
    expected = {f"Upstash-{option.name}" for option in MESSAGE_OPTIONS.values()} | {
        f"Upstash-{kind}-{option.name}"
        for option in DELIVERY_OPTIONS.values()
        for kind in ("Callback", "Failure-Callback")
    }

    beside = {"Content-Type", "Upstash-Telemetry-*", "Upstash-*"}
    assert expected == {name for name in shown - beside if not name.endswith("Forward-<Name>")}


def test_every_parameter_is_on_the_page() -> None:
    """Each query parameter and each field of a body that is described is on the page, and no other is."""
    described = {
        parameter["name"]
        for parameter in DESCRIPTION["components"]["parameters"].values()
        if parameter["in"] == "query"
    }
    given = {name for body in BODIES for name in SCHEMAS[body]["properties"]}
    nested = {"url", "name", "destination", "headers", "body", "queue"}

    shown = {name for row in rows(PAGE, "Parameter") for name in ticked(row["Parameter"])}
    assert shown == described | given | nested | {"qstash_token"}


@pytest.mark.parametrize(("heading", "schema"), OBJECTS.items(), ids=OBJECTS)
def test_every_field_of_an_object_is_on_the_page(heading: str, schema: str) -> None:
    """The table of an object has the fields that its description, which every answer is held to, has."""
    assert names_in(under(heading, "Field"), "Field") == set(SCHEMAS[schema]["properties"])


def test_every_field_of_a_dead_letter_is_on_the_page() -> None:
    """A dead letter has the fields of a message and those of its own table."""
    own = names_in(under("Dead letter", "Field"), "Field")

    assert own | names_in(under("Message", "Field"), "Field") == set(SCHEMAS["DeadLetter"]["properties"])


def test_every_field_of_other_answers_is_on_the_page() -> None:
    """What is no object of its own has its fields in one table."""
    expected = {name for schema in OTHER_ANSWERS for name in SCHEMAS[schema]["properties"]}

    assert names_in(under("Other answers", "Field"), "Field") == expected


def test_every_field_that_is_written_is_on_the_page() -> None:
    """Each word that api/wire writes, and each name that comes of one, is a field of the page."""
    shown = {name for row in rows(PAGE, "Field") for name in ticked(row["Field"])}

    assert {name for path in ROOT.glob("api/wire/*.py") for name in _texts(path)} - shown == set()


def _texts(path: Path) -> Iterator[str]:
    """Give the field names among the texts of a module: words that begin in lower case."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and re.fullmatch(r"[a-z]\w+", str(node.value)):
            yield str(node.value)


def test_every_log_state_is_on_the_page() -> None:
    """The states of log records are those that are written."""
    assert names_in(rows(PAGE, "State", "Written when"), "State") == set(LogState)


def test_every_delivery_header_is_on_the_page() -> None:
    """A delivery has the headers of the page; those of the transport are proven by the test that is named."""
    claim = Claim(message=EVERYTHING, attempt=1, retried=0, signing_key="sig_1")
    prepared = prepare(claim, settings=Settings(), now_ms=1, jwt_id="jwt_1")
    transport = {"Host", "Content-Length", "Accept-Encoding"}

    shown = names_in(rows(PAGE, "Delivered header"), "Delivered header")
    assert shown == {name for name, _ in prepared.headers} | transport
    signature = dict(prepared.headers)["Upstash-Signature"]
    claims = jwt.decode(signature, options={"verify_signature": False})
    assert names_in(rows(PAGE, "Claim"), "Claim") == set(claims)


def test_every_field_of_a_callback_is_on_the_page() -> None:
    """The payload of a callback has the fields of the page and no others."""
    callback = callback_message(
        EVERYTHING,
        Callback(url="https://example.com"),
        Attempt(status=500, body=b"body"),
        error="500",
        retried=0,
        now_ms=1,
        message_id="msg_2",
        dlq_id="1-0",
    )

    assert names_in(rows(PAGE, "Payload field"), "Payload field") == set(json.loads(callback.body))


def test_every_limit_is_a_setting() -> None:
    """The limits of the page are settings, and every setting that is a maximum is a limit."""
    known = {setting.metadata["env"] for setting in fields(Settings)}
    maxima = {name for name in known if name.startswith("QSTASH_MAX_")}

    assert maxima <= names_in(rows(PAGE, "Limit", "Setting"), "Setting") <= known


def test_every_uncertain_point_is_answered() -> None:
    """The 28 points that the contract lists as uncertain have an answer each, in order."""
    found = rows(PAGE, "#", "Point", "What is done here", "Proven by")

    assert [row["#"] for row in found] == [str(number) for number in range(1, UNCERTAIN_POINTS + 1)]
    assert [row for row in found if not row["Point"] or not row["What is done here"]] == []


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/v2/trigger/https://example.com",
            "/v2/workflows/runs/wfr_1",
            "/v2/notify/event",
            "/v2/wait/event",
        ),
        *("/v2/waiters/event", "/llm/v1/chat/completions", "/v1/publish/https://example.com"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_is_not_there_is_a_404(core: Core, path: str, method: str) -> None:
    """What the page says is not there answers 404, whatever it is asked."""
    caller = Caller(create_app(core).test_client())

    assert error(caller.call(method, path), 404) == f"path not found: {path}"


def proven_rows() -> list[Row]:
    """Give the rows of all tables that name tests, with the tests under one name."""
    columns = ("Proven by", "Python", "TypeScript")
    return [
        row | {"tests": " ".join(row.get(column, "") for column in columns)}
        for table in tables(read(PAGE))
        for row in table
    ]


def test_every_row_names_a_test() -> None:
    """No row of the page goes without a proof."""
    assert [row for row in proven_rows() if not PROOF.search(row["tests"])] == []
    assert {"Proven by"} & set().union(*proven_rows())


def test_every_named_test_exists() -> None:
    """What the page names is a test function of that file."""
    named = set(PROOF.findall(read(PAGE)))

    assert len(named) > 300
    assert [f"{path}::{name}" for path, name in sorted(named) if name not in _definitions(path)] == []
    assert {name for _, name in named if not name.startswith("test_")} == set()


@pytest.mark.parametrize(
    "column", ["Field", "Parameter", "Header", "Delivered header", "Payload field", "State"]
)
def test_a_named_test_is_about_what_it_proves(column: str) -> None:
    """Each name of a row is spelled in one of the row's tests, or in what that test is made of."""
    unheard: list[tuple[str, str]] = []
    for row in (one for one in proven_rows() if one.get(column)):
        text = "".join(_source(*proof) for proof in PROOF.findall(row["tests"])).lower()
        unheard += [(name, row["tests"]) for name in ticked(row[column]) if _spelling(name) not in text]

    assert unheard == []


def _spelling(name: str) -> str:
    """Give the part of a name that a test has to spell: options are tried behind several prefixes."""
    return re.sub(r"^upstash-((failure-)?callback-)?|<name>|\*", "", name.lower())


@cache
def _definitions(path: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Give what a module defines at its top: the text, decorators included, and the names in it."""
    text = (ROOT / path).read_text(encoding="utf-8")
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for node in ast.parse(text).body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        source = "\n".join(text.splitlines()[first - 1 : node.end_lineno])
        used = frozenset(one.id for one in ast.walk(node) if isinstance(one, ast.Name))
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        names = [getattr(node, "name", None), *(getattr(target, "id", None) for target in targets)]
        found.update({name: (source, used) for name in names if name})
    return found


def _source(path: str, test: str) -> str:
    """Give the text of a test and of all that it uses from the top of its module."""
    definitions = _definitions(path)
    wanted, seen = [test], dict[str, str]()
    while wanted:
        name = wanted.pop()
        if name in definitions and name not in seen:
            seen[name], used = definitions[name]
            wanted += used
    return "\n".join(seen.values())
