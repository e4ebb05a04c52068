"""How the endpoints of the sweep answer: the last word of a message's path says it, whoever delivers."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from qstash_rq.delivery import Attempt
from tests.receiver import Receiver, Reply, Request
from workers.prepared import PreparedDelivery

WORDS = ("ok", "again", "fail", "never")


@dataclass(frozen=True, slots=True)
class Told:
    """What an endpoint is told of a delivery."""

    message_id: str
    retried: int
    word: str

    @classmethod
    def of(cls, prepared: PreparedDelivery) -> Self:
        """Read a delivery that is about to be sent."""
        headers = dict(prepared.headers)
        word = urlsplit(prepared.url).path.strip("/")
        return cls(headers["Upstash-Message-Id"], int(headers["Upstash-Retried"]), word)


def answer_to(told: Told) -> Attempt:
    """Answer 200; 500 for `again` until it is tried again; 500 for `fail`; a final 489 for `never`."""
    return Attempt(status=_status(told.word, told.retried), headers=_headers(told.word), body=b"answer")


def script(receiver: Receiver) -> None:
    """Have the real endpoint answer likewise."""

    def reply(request: Request) -> Reply:
        word = request.path.strip("/")
        retried = int(request.header("upstash-retried") or 0)
        return Reply(status=_status(word, retried), headers=_headers(word), body=b"answer")

    for word in WORDS:
        receiver.script(f"/{word}", reply)


def _status(word: str, retried: int) -> int:
    if word == "again":
        return 200 if retried else 500
    return {"fail": 500, "never": 489}.get(word, 200)


def _headers(word: str) -> tuple[tuple[str, str], ...]:
    return (("Upstash-NonRetryable-Error", "true"),) if word == "never" else ()
