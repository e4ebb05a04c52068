"""Looking costs what is shown, not what is stored: bodies may be megabytes each."""

from collections.abc import Callable

import pytest

from qstash_rq.core import Core
from qstash_rq.dead_letters import list_dead_letters
from qstash_rq.filters import Filter
from qstash_rq.logs import list_log
from qstash_rq.messages import cancel_messages
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.factories import make_message

_BODY = bytes(100_000)
_MESSAGES = 50


def _sent(core: Core) -> int:
    return int(core.store.client.execute_command("INFO", "stats")["total_net_output_bytes"])


@pytest.mark.parametrize(
    "look",
    [
        lambda core: list_dead_letters(core, FIRST_USER, Filter(), count=1),
        lambda core: list_dead_letters(core, FIRST_USER, Filter(labels=("none",))),
        lambda core: list_log(core, FIRST_USER, Filter(), count=1),
        lambda core: list_log(core, FIRST_USER, Filter(labels=("none",))),
        lambda core: cancel_messages(core, FIRST_USER, Filter(labels=("none",))),
    ],
)
def test_bodies_are_read_for_what_is_shown(core: Core, look: Callable[[Core], object]) -> None:
    """A short page or a filter that matches nothing reads the bodies of what it shows and no others."""
    seed.accept(core, [make_message(body=_BODY) for _ in range(_MESSAGES)])
    seed.fail(core, seed.claim(core), body=b"")
    seed.accept(core, [make_message(body=_BODY) for _ in range(_MESSAGES)])
    before = _sent(core)

    look(core)

    assert _sent(core) - before < 3 * len(_BODY)


def test_what_is_shown_has_its_body(core: Core) -> None:
    """Each record and each letter of a page comes with its own body."""
    messages = [make_message(body=str(number).encode()) for number in range(5)]
    seed.accept(core, messages)
    seed.fail(core, seed.claim(core))
    bodies = [message.body for message in messages]

    assert [one.message.body for one in list_dead_letters(core, FIRST_USER, Filter()).items] == bodies[::-1]
    assert {
        one.message.message_id: one.message.body for one in list_log(core, FIRST_USER, Filter()).items
    } == {message.message_id: message.body for message in messages}
