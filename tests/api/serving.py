"""What every test of the front needs: a caller with a token, deliveries without a worker, a look at Redis."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from qstash_rq.claim import claim_messages
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt, Claim
from qstash_rq.settings import DEVELOPMENT_TOKEN
from qstash_rq.settle import judge_attempt, settle_outcomes
from tests.api.described import check_described

BEARER = f"Bearer {DEVELOPMENT_TOKEN}"
OK = Attempt(status=200)
NOT_FOUND = Attempt(status=404, headers=(("content-type", "text/plain"),), body=b"404 Not Found")


class Caller:
    """Sends requests the way a server would hand them on: by their raw target."""

    def __init__(self, client: FlaskClient, authorization: str | None = BEARER) -> None:
        self._client = client
        self._authorization = authorization

    def call(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        environ: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> TestResponse:
        """Send one request; header values are text and go out as UTF-8.

        Fails the test when the answer is not one that the description of the API allows.
        """
        given = {} if self._authorization is None else {"Authorization": self._authorization}
        fields = {
            name: value.encode().decode("latin-1") for name, value in (given | dict(headers or {})).items()
        }
        raw = {"RAW_URI": target, "REQUEST_URI": target, **(environ or {})}
        response = self._client.open(
            "/decoded/by/the/server", method=method, headers=fields, environ_overrides=raw, **options
        )
        check_described(method, target, response)
        return response

    def get(self, target: str, **options: Any) -> TestResponse:
        """Send a GET."""
        return self.call("GET", target, **options)

    def post(self, target: str, **options: Any) -> TestResponse:
        """Send a POST."""
        return self.call("POST", target, **options)

    def delete(self, target: str, **options: Any) -> TestResponse:
        """Send a DELETE."""
        return self.call("DELETE", target, **options)

    def publish(self, destination: str = "https://example.com/hook", **options: Any) -> str:
        """Publish one message and return its id."""
        response = self.post(f"/v2/publish/{destination}", **options)
        assert response.status_code == 200, response.text
        return response.get_json()["messageId"]

    def enqueue(self, queue: str, destination: str = "https://example.com/hook", **options: Any) -> str:
        """Enqueue one message and return its id."""
        response = self.post(f"/v2/enqueue/{queue}/{destination}", **options)
        assert response.status_code == 200, response.text
        return response.get_json()["messageId"]


def claim(core: Core) -> tuple[Claim, ...]:
    """Take all ready messages, as a worker does."""
    claims = core.store.run(claim_messages(core, worker="w", most=1000))
    assert claims is not None
    return claims


def settle(core: Core, claims: Iterable[Claim], attempt: Attempt) -> None:
    """Bring `attempt` back for every claim."""
    outcomes = [judge_attempt(core, claimed, attempt) for claimed in claims]
    core.store.run(settle_outcomes(core, worker="w", outcomes=outcomes))


def deliver(core: Core, attempt: Attempt = OK) -> None:
    """Try every ready message once; all get the same answer."""
    settle(core, claim(core), attempt)


def kill(caller: Caller, core: Core, destination: str = "https://example.com/hook", **options: Any) -> str:
    """Make one dead letter and return its dlqId."""
    headers = {"Upstash-Retries": "0"} | options.pop("headers", {})
    attempt = options.pop("attempt", NOT_FOUND)
    caller.publish(destination, headers=headers, **options)
    deliver(core, attempt)
    return caller.get("/v2/dlq?count=1").get_json()["messages"][0]["dlqId"]


def error(response: TestResponse, status: int) -> str:
    """Return the text of an error answer after checking that it is nothing else."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/json"
    body = response.get_json()
    assert list(body) == ["error"]
    assert isinstance(body["error"], str)
    assert body["error"]
    return body["error"]


def contents(redis_url: str) -> dict[bytes, bytes | None]:
    """Return everything that stands in Redis."""
    with Redis.from_url(redis_url) as client:
        return {key: client.dump(key) for key in client.keys("*")}
