"""The whole front in this process, called with any bytes, and a count of all that Redis has written."""

import json

from qstash_rq.core import Core
from qstash_rq.publish import PublishRequest, schedule
from qstash_rq.queues import upsert_queue
from qstash_rq.url_group import Endpoint
from qstash_rq.url_groups import upsert_endpoints
from qstash_rq.users import FIRST_USER, ensure_first_user
from tests.api.asgi_caller import AsgiCaller
from tests.api.serving import BEARER

# So many keys slow nothing down and leave every limit far away.
_MOST_KEYS = 20_000


class Front:
    """The front with the things that the strategies name, made anew when it has collected much."""

    def __init__(self, core: Core, caller: AsgiCaller) -> None:
        self._core = core
        self._caller = caller
        self._written = 0
        self._renew()
        self.calls = 0
        self.refused = 0

    def check(self, method: str, target: str, headers: dict[str, str], body: object) -> None:
        """Send one request; fails on a 5xx, on an error of another shape, and when a refusal has written."""
        status, answer = self._call(method, target, headers, body)
        before, self._written = self._written, self._count_written()
        assert status < 500, (status, answer)
        self.calls += 1
        if status >= 400:
            self.refused += 1
            text = json.loads(answer) if method != "HEAD" else {"error": "-"}
            assert list(text) == ["error"]
            assert isinstance(text["error"], str)
            assert text["error"]
            assert self._written == before, f"{status} {text['error']!r} has left a trace"
        if self.calls % 1_000 == 0 and self._core.store.command("DBSIZE") > _MOST_KEYS:
            self._renew()

    def _call(self, method: str, target: str, headers: dict[str, str], body: object) -> tuple[int, str]:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self._caller.front(target, {"Authorization": BEARER} | headers, payload, method)
        return answer.status, answer.body

    def _count_written(self) -> int:
        """Return how many changes the server has made since it started."""
        return self._core.store.command("INFO", "persistence")["rdb_changes_since_last_save"]

    def _renew(self) -> None:
        core = self._core
        core.store.command("FLUSHALL")
        ensure_first_user(core)
        upsert_queue(core, FIRST_USER, "q")
        upsert_endpoints(core, FIRST_USER, "my-group", (Endpoint(url="https://a.io/1", name="one"),))
        cron = (("Upstash-Cron", "0 8 * * 1"), ("Upstash-Schedule-Id", "every-monday"))
        schedule(core, FIRST_USER, PublishRequest(destination="my-group", headers=cron, body=b"x"))
        self._written = self._count_written()
