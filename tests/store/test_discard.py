"""discard.lua: dead letters are deleted."""

from qstash_rq.core import Core
from qstash_rq.store import keys
from qstash_rq.store.message_scripts import discard
from qstash_rq.users import FIRST_USER
from tests import seed


def _discard(core: Core, *dlq_ids: str, user_id: str = FIRST_USER) -> int:
    return core.store.run(discard(user_id=user_id, dlq_ids=dlq_ids))


def test_dead_letters_go_and_are_counted(core: Core) -> None:
    """Given letters leave the dead letters and RQ's failed jobs; others stay; records stay for the log."""
    plain = seed.seed_dead(core, 2)
    queued = seed.seed_dead(core, 2, "q")
    gone = [seed.dead(core)[one] for one in (plain[0], queued[1])]

    assert _discard(core, plain[0], queued[1]) == 2

    assert list(seed.dead(core)) == [plain[1], queued[0]]
    assert set(seed.failed(core)) | set(seed.failed(core, "q")) == set(seed.dead(core).values())
    for message_id in gone:
        assert "dlq_id" not in seed.record(core, message_id)
        assert seed.story(core, message_id)[-1] == "FAILED"


def test_unknown_and_repeated_ids_are_not_counted(core: Core) -> None:
    """An id that is not there, never was or goes twice counts for nothing and writes nothing."""
    (dlq_id,) = seed.seed_dead(core)

    assert _discard(core, dlq_id, dlq_id, "1-1") == 1
    before = seed.contents(core)
    assert _discard(core, dlq_id, "1-1") == 0
    assert _discard(core) == 0

    assert seed.contents(core) == before


def test_another_users_letters_are_not_touched(core: Core) -> None:
    """The same id under another user names another letter."""
    (dlq_id,) = seed.seed_dead(core, user_id="other")
    before = seed.contents(core)

    assert _discard(core, dlq_id) == 0

    assert seed.contents(core) == before


def test_a_letter_whose_record_has_expired_leaves_rqs_registry_too(core: Core) -> None:
    """The record may go before its letter: RQ's failed jobs are cleaned and no record is made."""
    (dlq_id,) = seed.seed_dead(core, queue="q")
    message_id = seed.dead(core)[dlq_id]
    core.store.command("DEL", keys.JOB(message_id))

    assert _discard(core, dlq_id) == 1

    assert seed.failed(core, "q") == {}
    assert core.store.command("EXISTS", keys.JOB(message_id)) == 0
