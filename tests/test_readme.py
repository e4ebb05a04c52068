"""What README.md and CONTRIBUTING.md tell to type: it exists, and the curl lines work."""

import re
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rq.cli import main as rq_command_line

from api.app import create_app
from qstash_rq.cli import main as command_line
from qstash_rq.core import Core
from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.api.serving import NOT_FOUND, Caller, deliver
from tests.life.caller import Caller as LifeCaller
from tests.pages import blocks, read, rows, shell_lines
from tests.receiver import Receiver, Reply
from tests.running import open_product
from tests.waiting import wait_until


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


Send = Callable[[str, str, dict[str, str], bytes], tuple[int, Any]]
# Where README.md has its endpoint, and the ids that its reader takes from earlier answers.
ENDPOINT = "http://127.0.0.1:3000"
IDS = {"messageId": "<message id>", "scheduleId": "<schedule id>", "dlqId": "<dlq id>"}


class Tour:
    """Sends README's curl lines, one after the other, with the ids that earlier answers gave."""

    def __init__(self, send: Send, endpoint: str = ENDPOINT) -> None:
        self._send = send
        self._known = {
            "$auth": f"Authorization: Bearer {DEVELOPMENT_TOKEN}",
            "$QSTASH_TOKEN": DEVELOPMENT_TOKEN,
            "$QSTASH_URL": "",
            ENDPOINT: endpoint,
        }

    def send(self, words: list[str]) -> int:
        """Send one line and return its status."""
        method, body, url, headers = "", None, "", dict[str, str]()
        options = iter(words[1:])
        for word in options:
            if word == "-X":
                method = next(options)
            elif word == "-d":
                body = self._filled(next(options))
            elif word == "-H":
                name, _, value = self._filled(next(options)).partition(": ")
                headers[name] = value
            else:
                url = self._filled(word)
        method = method or ("GET" if body is None else "POST")
        status, answer = self._send(method, url, headers, (body or "").encode())
        self._remember(answer)
        return status

    def _filled(self, text: str) -> str:
        for name, value in self._known.items():
            text = text.replace(name, value)
        return text

    def _remember(self, answer: Any) -> None:
        """Keep the first id of each kind."""
        found = answer if isinstance(answer, list) else [answer, *answer.get("messages", ())]
        for one in reversed([one for one in found if isinstance(one, dict)]):
            self._known.update({IDS[name]: one[name] for name in IDS.keys() & one.keys()})


def curl_lines() -> list[list[str]]:
    """Give the curl lines of README.md."""
    lines = [words for words in shell_lines("README.md") if words[0] == "curl"]
    assert len(lines) > 40
    return lines


def test_the_curl_lines_work(core: Core) -> None:
    """Sent in order, each curl line of README.md is answered with a 2xx, duplicates with 202."""
    caller = Caller(create_app(core).test_client(), None)

    def send(method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        response = caller.call(method, target, headers=headers, data=body)
        return response.status_code, response.get_json()

    tour = Tour(send)
    seen: Counter[int] = Counter()
    for words in curl_lines():
        status = tour.send(words)
        assert 200 <= status < 300, (status, words)
        seen[status] += 1
        # A worker at work, at an endpoint that is not there.
        deliver(core, NOT_FOUND)

    assert seen[202] == 1


def test_what_the_curl_lines_send_arrives(tmp_path: Path, receiver: Receiver) -> None:
    """The product, run as README.md says, delivers what its lines publish, when and where they say."""
    receiver.script("/missing", Reply(status=404))
    with open_product(tmp_path) as product:
        product.start_all()
        api = LifeCaller(product.port, None)

        def send(method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
            answer = api.call(method, target, headers=headers, body=body)
            return answer.status, answer.json()

        tour = Tour(send, receiver.url(""))
        for words in curl_lines():
            if "<dlq id>" in str(words):
                _wait_for_dead_letter(LifeCaller(product.port), "nobody there")
                tour.send(shlex.split('curl "$QSTASH_URL/v2/dlq" -H "$auth"'))
            assert 200 <= tour.send(words) < 300, words
        _check_arrivals(receiver)
        assert LifeCaller(product.port).call("DELETE", "/v2/messages").status == 200


def _wait_for_dead_letter(api: LifeCaller, body: str) -> None:
    wait_until(
        lambda: any(letter["body"] == body for letter in api.dead_letters()), f"{body} is a dead letter"
    )


def _check_arrivals(receiver: Receiver) -> None:
    once = ("/soon", "/first", "/second", "/one", "/three", "/once", "/done", "/failed")
    assert {path: len(receiver.wait_for(1, path)) for path in once} == dict.fromkeys(once, 1)
    # The message to the group, then the batch; one endpoint had left by then.
    assert {request.body for request in receiver.wait_for(2, "/a")} == {b"to both", b"to a group"}
    assert [request.body for request in receiver.wait_for(1, "/b")] == [b"to both"]
    (hook,) = receiver.wait_for(1, "/hook")
    assert (hook.target, hook.header("x-event")) == ("/hook?source=shop", "sold")
    headers = [request.header("my-header") for request in receiver.requests_to("/hello")]
    assert headers.count("my-value") == 1
    assert receiver.requests_to("/later") == receiver.requests_to("/nightly") == ()


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
