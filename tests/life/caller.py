"""Speaks to the API in bytes of its own choosing: no client library touches targets, headers or bodies."""

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlencode

from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.waiting import wait_until

ANSWER_S = 20

Fields = dict[str, str] | Sequence[tuple[str, str]]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the JSON of the body."""
        return json.loads(self.body)


class Caller:
    """One user's way to the API; any number of threads may use it."""

    def __init__(self, port: int, token: str | None = DEVELOPMENT_TOKEN) -> None:
        self._port = port
        self._token = token

    def call(
        self, method: str, target: str, *, headers: Fields = (), body: bytes = b"", raw_body: bytes = b""
    ) -> Answer:
        """Send one request; target and headers go out as they stand, a `raw_body` without a length."""
        pairs = headers.items() if isinstance(headers, dict) else headers
        lines = [
            f"{method} {target} HTTP/1.1",
            "Host: api",
            *([f"Authorization: Bearer {self._token}"] if self._token else []),
            *(f"{name}: {value}" for name, value in pairs),
            *([f"Content-Length: {len(body)}"] if body else []),
        ]
        head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
        with socket.create_connection(("127.0.0.1", self._port), timeout=ANSWER_S) as connection:
            connection.sendall(head + body + raw_body)
            with HTTPResponse(connection, method=method) as response:
                response.begin()
                return Answer(response.status, response.read())

    def get(self, target: str, **query: Any) -> Any:
        """Return the JSON of `target`, which must be there; lists in the query are repeated."""
        answer = self.call("GET", f"{target}?{urlencode(query, doseq=True)}" if query else target)
        assert answer.status == 200, answer
        return answer.json()

    def publish(self, url: str, body: bytes = b"", *, headers: Fields = ()) -> str:
        """Publish one message and return its id."""
        return self._accepted(self.call("POST", f"/v2/publish/{url}", headers=headers, body=body))

    def enqueue(self, queue: str, url: str, body: bytes = b"", *, headers: Fields = ()) -> str:
        """Enqueue one message and return its id."""
        return self._accepted(self.call("POST", f"/v2/enqueue/{queue}/{url}", headers=headers, body=body))

    def upsert_queue(self, name: str, **settings: Any) -> None:
        """Create a queue or change it."""
        body = json.dumps({"queueName": name, **settings}).encode()
        assert self.call("POST", "/v2/queues", body=body).status == 200

    def log(self, message_id: str) -> list[Json]:
        """Return the log records of a message, the oldest first."""
        return self.get("/v2/events", messageId=message_id)["events"][::-1]

    def states(self, message_id: str) -> list[str]:
        """Return the states a message went through."""
        return [record["state"] for record in self.log(message_id)]

    def wait_for(self, message_id: str, *states: str, timeout_s: float = 15) -> list[str]:
        """Return the states of a message once it is in one of `states`."""

        def reached() -> list[str]:
            seen = self.states(message_id)
            return seen if seen and seen[-1] in states else []

        return wait_until(reached, f"{message_id} is {' or '.join(states)}", timeout_s)

    def wait_until_delivered(self, message_id: str) -> list[str]:
        """Return the states of a message once it is delivered."""
        return self.wait_for(message_id, "DELIVERED")

    def dead_letters(self, **query: Any) -> list[Json]:
        """Return the dead letters that match, newest first."""
        return self.get("/v2/dlq", **query)["messages"]

    @staticmethod
    def _accepted(answer: Answer) -> str:
        assert answer.status == 200, answer
        return answer.json()["messageId"]
