"""What README.md and CONTRIBUTING.md tell to type: it exists, and the curl lines work."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from rq.cli import main as rq_command_line

from api.app import create_app
from qstash_rq.cli import main as command_line
from qstash_rq.core import Core
from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.api.serving import NOT_FOUND, Caller, deliver
from tests.pages import blocks, read, rows, shell_lines


def test_every_make_target_exists() -> None:
    """Each `make` target that README.md and CONTRIBUTING.md name is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    text = "".join(map(read, ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")))
    named = set(re.findall(r"(?:^|`)(?:\w+=\S+ )?make (?:-C \S+ )?([a-z-]+)", text, re.MULTILINE))

    assert {"run", "test", "check"} <= named <= targets


def test_every_command_exists() -> None:
    """Each `rq` and `qstash-rq` command in a shell block is one that these programs have."""
    known = {"rq": rq_command_line.commands, "qstash-rq": command_line.commands}
    lines = [words for words in shell_lines("README.md", "CONTRIBUTING.md") if words[0] in known]

    assert lines
    assert [words for words in lines if words[1] not in known[words[0]]] == []


def test_the_procfile_is_the_one_that_is_shown() -> None:
    """The table of processes in README.md is the Procfile."""
    shown = {row["Process"]: row["Command"].strip("`") for row in rows("README.md", "Process", "Command")}

    assert dict(re.findall(r"^(\w+): (.+)$", read("Procfile"), re.MULTILINE)) == shown


class Tour:
    """Sends README's curl lines, one after the other, with the ids that earlier answers gave."""

    def __init__(self, client: FlaskClient) -> None:
        self._caller = Caller(client)
        self._ids: dict[str, str] = {}

    def send(self, words: list[str]) -> int:
        """Send one line and return its status."""
        method, body, url, headers = "", None, "", {}
        options = iter(words[1:])
        for word in options:
            if word == "-X":
                method = next(options)
            elif word == "-d":
                body = next(options)
            elif word == "-H":
                name, _, value = self._filled(next(options)).partition(": ")
                headers[name] = value
            else:
                url = self._filled(word)
        response = self._caller.call(
            method or ("GET" if body is None else "POST"), url, headers=headers, data=body
        )
        self._remember(response.get_json())
        return response.status_code

    def _filled(self, text: str) -> str:
        known = {"$auth": f"Authorization: Bearer {DEVELOPMENT_TOKEN}", "$QSTASH_URL": "", **self._ids}
        for name, value in known.items():
            text = text.replace(name, value)
        return text

    def _remember(self, answer: Any) -> None:
        if "messageId" in answer:
            self._ids["<message id>"] = answer["messageId"]
        for letter in answer.get("messages", ()):
            self._ids["<dlq id>"] = letter["dlqId"]


def test_the_curl_lines_work(core: Core) -> None:
    """Sent in order, each curl line of README.md is answered with a 2xx."""
    tour = Tour(create_app(core).test_client())
    lines = [words for words in shell_lines("README.md") if words[0] == "curl"]
    refused = []
    for words in lines:
        status = tour.send(words)
        if not 200 <= status < 300:
            refused.append((status, words))
        # A worker at work, at an endpoint that is not there.
        deliver(core, NOT_FOUND)

    assert len(lines) > 15
    assert refused == []


@pytest.mark.parametrize("page", ["README.md"])
def test_the_python_snippets_are_python(page: str) -> None:
    """Each Python block compiles."""
    snippets = blocks(page, "python")

    assert snippets
    for snippet in snippets:
        compile(snippet, page, "exec")


def test_the_development_token_is_the_public_one() -> None:
    """README.md shows the token that `make run` sets."""
    assert f"QSTASH_TOKEN={DEVELOPMENT_TOKEN}\n" in read("README.md")
