"""`qstash-rq explain`."""

from click.testing import CliRunner, Result

from qstash_rq.cli import main
from qstash_rq.core import open_core
from qstash_rq.publish import PublishRequest, publish
from qstash_rq.settings import Settings
from qstash_rq.users import FIRST_USER, ensure_first_user


def _explain(redis_url: str, *words: str) -> Result:
    return CliRunner().invoke(main, ["explain", *words], env={"REDIS_URL": redis_url})


def test_explains_a_message_in_lines(redis_url: str, settings: Settings) -> None:
    """The summary comes first, then a line for each thing the message waits for."""
    core = open_core(settings)
    ensure_first_user(core)
    request = PublishRequest(destination="http://127.0.0.1/a", headers=(), body=b"")
    message_id = publish(core, FIRST_USER, request).receipts[0].message_id
    core.store.client.close()

    shown = _explain(redis_url, message_id)

    assert shown.exit_code == 0, shown.output
    assert shown.output.splitlines() == [
        "Not delivered yet: no worker serves its lane.",
        "  noWorker: no worker serves its lane",
    ]


def test_does_not_find_the_message_of_another_user(redis_url: str) -> None:
    """A message is looked for among those of one user; what is not there is an error."""
    shown = _explain(redis_url, "msg_1", "--user", "alice")

    assert shown.exit_code == 1
    assert shown.output == "Error: message msg_1 not found\n"
