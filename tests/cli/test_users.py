"""`qstash-rq user` and `qstash-rq token`."""

import pytest
from click.testing import CliRunner, Result

from qstash_rq.cli import main
from qstash_rq.core import open_core
from qstash_rq.errors import Unauthorized
from qstash_rq.settings import Settings
from qstash_rq.users import Identity, authenticate, user_of_token


def _run(redis_url: str, *words: str) -> Result:
    return CliRunner().invoke(main, words, env={"REDIS_URL": redis_url})


def _fields(result: Result) -> dict[str, str]:
    assert result.exit_code == 0, result.output
    return dict(line.split("=", 1) for line in result.output.splitlines())


def test_adds_a_user(redis_url: str, settings: Settings) -> None:
    """The tokens that are printed work, one of them for reading only."""
    added = _fields(_run(redis_url, "user", "add", "alice"))

    core = open_core(settings)
    assert authenticate(core, added["QSTASH_TOKEN"]) == Identity("alice", read_only=False)
    assert authenticate(core, added["QSTASH_READONLY_TOKEN"]) == Identity("alice", read_only=True)
    assert added["QSTASH_CURRENT_SIGNING_KEY"].startswith("sig_")
    assert added["QSTASH_NEXT_SIGNING_KEY"] not in ("", added["QSTASH_CURRENT_SIGNING_KEY"])


def test_lists_users(redis_url: str) -> None:
    """Users are listed by name."""
    for name in ("bob", "alice"):
        _run(redis_url, "user", "add", name)

    assert _run(redis_url, "user", "list").output == "alice\nbob\n"


@pytest.mark.parametrize(("option", "read_only"), [((), False), (("--read-only",), True)])
def test_replaces_a_token(
    redis_url: str, settings: Settings, option: tuple[str, ...], read_only: bool
) -> None:
    """The printed token works in place of the old one, which no longer does."""
    added = _fields(_run(redis_url, "user", "add", "alice"))
    old = added["QSTASH_READONLY_TOKEN" if read_only else "QSTASH_TOKEN"]

    new = _run(redis_url, "user", "token", "alice", *option).output.strip()

    core = open_core(settings)
    assert authenticate(core, new) == Identity("alice", read_only=read_only)
    with pytest.raises(Unauthorized):
        authenticate(core, old)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("user", "add", "a b"), "user: 'a b' must be"),
        (("user", "add", "alice"), "user: 'alice' exists already"),
        (("user", "token", "nobody"), "user nobody not found"),
    ],
)
def test_says_what_is_wrong(redis_url: str, words: tuple[str, ...], text: str) -> None:
    """A refusal is one line and status 1, not a traceback."""
    _run(redis_url, "user", "add", "alice")

    result = _run(redis_url, *words)

    assert (result.exit_code, result.output.startswith(f"Error: {text}")) == (1, True)


def test_says_that_redis_is_away() -> None:
    """A Redis that cannot be reached is one line and status 1."""
    result = _run("unix:///nowhere.sock", "user", "list")

    assert (result.exit_code, result.output.startswith("Error: ")) == (1, True)


def test_makes_a_token() -> None:
    """The token that is made up names the first user; Redis is not asked."""
    result = CliRunner().invoke(main, ["token"], env={"REDIS_URL": "unix:///nowhere.sock"})

    assert user_of_token(result.output.strip()) == "defaultUser"
