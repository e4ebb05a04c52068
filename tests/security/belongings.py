"""What one user owns: one of everything, and all that Redis holds of it."""

from typing import Any

from redis import Redis

from qstash_rq.core import Core
from tests.api.serving import Caller, kill

Ids = dict[str, str]

NOWHERE: Ids = {
    "message": "msg_nowhere1111111111111111111111",
    "dead": "1-1",
    "schedule": "nowhere-schedule",
    "queue": "nowhere-queue",
    "group": "nowhere-group",
    "flow": "nowhere-flow",
    "label": "nowhere-label",
    "dedup": "nowhere-dedup",
    "host": "nowhere.example",
    "ip": "10.99.99.99",
    "cursor": "9999999999999-9",
}
"""Names of nobody's things, in the form of those that there are."""

_IP = "10.1.2.3"


def settle_in(caller: Caller, core: Core) -> Ids:
    """Give a user one of everything, and return their ids and names."""
    ids = {
        "schedule": "alice-schedule",
        "queue": "alice-queue",
        "group": "alice-group",
        "flow": "alice-flow",
        "label": "alice-label",
        "dedup": "alice-dedup",
        "host": "alice.example",
        "ip": _IP,
    }
    url = f"https://{ids['host']}/hook"
    headers = {
        "Upstash-Label": ids["label"],
        "Upstash-Flow-Control-Key": ids["flow"],
        "Upstash-Flow-Control-Value": "rate=5",
        "Upstash-Forward-X-Secret": "alice's",
    }
    sender = {"environ": {"REMOTE_ADDR": _IP}}
    ids["dead"] = kill(caller, core, url, headers=headers, data=b"alice's body", **sender)
    _done(caller.post("/v2/queues", json={"queueName": ids["queue"], "paused": True}))
    endpoint = {"endpoints": [{"url": url, "name": "alice-endpoint"}]}
    _done(caller.post(f"/v2/topics/{ids['group']}/endpoints", json=endpoint))
    _done(caller.call("PATCH", f"/v2/topics/{ids['group']}", json={"headers": {"Upstash-Retries": "7"}}))
    cron = {"Upstash-Cron": "0 8 * * 1", "Upstash-Schedule-Id": ids["schedule"]}
    _done(caller.post(f"/v2/schedules/{url}", headers=cron | headers))
    _done(caller.post(f"/v2/flowControl/{ids['flow']}/pin?parallelism=3"))
    dedup = {"Upstash-Deduplication-Id": ids["dedup"]}
    ids["message"] = caller.enqueue(
        ids["queue"], url, headers=headers | dedup, data=b"alice's body", **sender
    )
    ids["cursor"] = caller.get("/v2/events?count=1").get_json()["cursor"]
    return ids


def belongings(core: Core, owner: str, ids: Ids, *, stranger: str) -> dict[str, Any]:
    """Return all that Redis holds of `owner`: keys named so, and such parts of those that are shared.

    What the stranger made is the stranger's, also when it has got the same names.
    """
    words = [word.encode() for word in (owner, *ids.values())]
    with Redis.from_url(core.settings.redis_url) as client:
        found: dict[str, Any] = {}
        for key in sorted(client.keys("*")):
            if any(word in key for word in words):
                found[key.decode()] = client.dump(key)
                continue
            parts = [part for part in _parts(client, key) if stranger.encode() not in repr(part).encode()]
            kept = [part for part in parts if any(word in repr(part).encode() for word in words)]
            if kept:
                found[key.decode()] = kept
        return found


def _parts(client: Any, key: bytes) -> list[Any]:
    match client.type(key):
        case b"hash":
            return sorted(client.hgetall(key).items())
        case b"zset":
            return client.zrange(key, 0, -1, withscores=True)
        case b"set":
            return sorted(client.smembers(key))
        case b"list":
            return client.lrange(key, 0, -1)
        case b"stream":
            return client.xrange(key)
        case _:
            return [client.get(key)]


def _done(response: Any) -> None:
    assert response.status_code < 300, response.text
