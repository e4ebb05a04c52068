"""Two users, every operation, every id of the other: nothing is seen, and nothing is changed (promise 8)."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from qstash_rq.core import Core
from qstash_rq.users import NewUser, add_user
from tests.api.described import DESCRIPTION
from tests.api.serving import Caller, contents
from tests.security.belongings import NOWHERE, Ids, belongings, settle_in
from tests.security.every_call import CALLS, OPEN, Ask

STRANGER = "mallory"
ASKS = [ask for asks in CALLS.values() for ask in asks]
_SHOWN = [f"{ask.method} {ask.target} {ask.json or ''}" for ask in ASKS]

every_ask = pytest.mark.parametrize("ask", ASKS, ids=_SHOWN)


@pytest.fixture
def alice(core: Core) -> NewUser:
    """Give the user who owns things."""
    return add_user(core, "alice")


@pytest.fixture
def owner(app: Flask, alice: NewUser) -> Caller:
    """Give that user's way to the API."""
    return Caller(app.test_client(), f"Bearer {alice.token}")


@pytest.fixture
def theirs(owner: Caller, core: Core) -> Iterator[Ids]:
    """Give the ids of what that user owns, and clear away what a test has left of it."""
    yield settle_in(owner, core)
    core.store.command("FLUSHALL")


@pytest.fixture
def intruder(app: Flask, core: Core) -> Caller:
    """Give another user."""
    return Caller(app.test_client(), f"Bearer {add_user(core, STRANGER).token}")


def _call(caller: Caller, ask: Ask, ids: Ids) -> TestResponse:
    method, target, options = ask.to(ids)
    return caller.call(method, target, **options)


def _neutral(text: str, ids: Ids) -> str:
    """Return an answer without the names it was asked for and the ids it was just given."""
    for name, word in sorted(ids.items(), key=lambda item: -len(item[1])):
        text = text.replace(word, f"<{name}>")
    return re.sub(r"\b(msg|scd|sig)_\w+", r"\1_", text)


def test_every_operation_has_a_call() -> None:
    """A new operation of the description needs a call here."""
    described = {
        (method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods
    }

    assert described == CALLS.keys() | OPEN


@every_ask
def test_the_things_of_others_are_nowhere(
    core: Core, theirs: Ids, alice: NewUser, intruder: Caller, ask: Ask
) -> None:
    """The answer is, but for the name asked for, the one about what nobody has; theirs stays as it is."""
    before = belongings(core, alice.user_id, theirs, stranger=STRANGER)

    missing = _call(intruder, ask, NOWHERE)
    hidden = _call(intruder, ask, theirs)

    assert (hidden.status_code, hidden.headers) == (
        missing.status_code,
        missing.headers,
    ) or hidden.content_length
    assert hidden.status_code == missing.status_code
    assert _neutral(hidden.text, theirs) == _neutral(missing.text, NOWHERE)
    assert "alice's" not in hidden.text
    after = belongings(core, alice.user_id, theirs, stranger=STRANGER)
    assert {name: after.get(name) for name in before} == before


@every_ask
def test_the_owner_is_let_in_with_the_right_token(
    app: Flask, core: Core, theirs: Ids, alice: NewUser, owner: Caller, ask: Ask
) -> None:
    """The read-only token reads all but the signing keys and changes nothing; the other one may do it all."""
    reader = Caller(app.test_client(), f"Bearer {alice.readonly_token}")
    before = contents(core.settings.redis_url)

    response = _call(reader, ask, theirs)

    reads = ask.method == "GET" and ask.target != "/v2/keys"
    assert response.status_code == (200 if reads else 403)
    assert contents(core.settings.redis_url) == before
    assert _call(owner, ask, theirs).status_code < 300
