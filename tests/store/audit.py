"""Hold every index to the records: what the store must look like after any step of anyone."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from qstash_rq.core import Core
from qstash_rq.store import keys
from tests.store.audit_gates import Gates

_STATUS = {
    "due": "scheduled",
    "ready": "queued",
    "active": "started",
    "delivered": "finished",
    "failed": "failed",
    "canceled": "canceled",
}
_LIVING = {"due", "ready", "active"}
_LAST_WORDS = {"delivered": "DELIVERED", "failed": "FAILED", "canceled": "CANCELED"}


def is_queue(lane: str) -> bool:
    """Tell a queue's lane from a user's own and from that of a flow-control key."""
    return ":" in lane and ":~" not in lane


class Audit:
    """One look at everything in Redis."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._command = core.store.command
        self.records = {
            message_id: {name.decode(): value for name, value in fields.items()}
            for message_id, fields in self._family(keys.JOB, "HGETALL")
        }
        self.closing = {
            word.decode() for _, ids in self._family(keys.CLOSING, "ZRANGE", 0, -1) for word in ids
        }

    def check(self, *, tampered: bool = False) -> None:
        """Fail unless every index says exactly what the records say; `tampered`: lines may hold more."""
        self._check_records()
        self._check_indexes()
        self._check_queues()
        self._check_callbacks()
        self._check_dead_letters()
        self._check_log()
        if not tampered:
            self._check_ring()
            self._check_lines()

    def of(self, *states: str, closing: bool = True) -> set[str]:
        """Return the ids of the messages in these states."""
        return {
            message_id
            for message_id, one in self.records.items()
            if one["state"].decode() in states and (closing or message_id not in self.closing)
        }

    def _family(self, key: keys.Key, command: str, *words: str | int) -> Iterable[tuple[str, list[bytes]]]:
        for name in sorted(self._command("KEYS", key("*"))):
            yield name.decode().removeprefix(key.name), self._command(command, name, *words)

    def _set(self, key: str, command: str = "ZRANGE") -> set[str]:
        words = (0, -1) if command in ("ZRANGE", "LRANGE") else ()
        return {word.decode() for word in self._command(command, key, *words)}

    def _ids_of(self, key: keys.Key, command: str, *words: str | int) -> dict[str, list[str]]:
        return {name: [word.decode() for word in ids] for name, ids in self._family(key, command, *words)}

    def _lane(self, message_id: str) -> str:
        return self.records[message_id]["origin"].decode()

    def _by_lane(self, message_ids: Iterable[str], *, queues_only: bool = True) -> dict[str, set[str]]:
        lanes: defaultdict[str, set[str]] = defaultdict(set)
        for message_id in message_ids:
            if is_queue(self._lane(message_id)) or not queues_only:
                lanes[self._lane(message_id)].add(message_id)
        return dict(lanes)

    def _check_records(self) -> None:
        for message_id, one in self.records.items():
            state = one["state"].decode()
            assert one["status"].decode() == _STATUS[state], message_id
            expires = self._command("PTTL", keys.JOB(message_id)) >= 0
            assert expires == (state not in _LIVING and "lingers" not in one), (message_id, state)
            assert ("ended_ms" in one) == (state not in _LIVING), (message_id, state)
            assert ("dlq_id" not in one) or state == "failed", message_id

    def _check_indexes(self) -> None:
        assert self._set(keys.LEASES()) == self.of("active")
        waiting = self._set(keys.DUE())
        assert self.of("due", closing=False) <= waiting <= self.of("due")
        living = self.of(*_LIVING)
        self.gates = Gates(self._core, {one: self.records[one] for one in living})
        self.gates.check()
        indexed = self._ids_of(keys.LIVE, "ZRANGE", 0, -1)
        assert {one for ids in indexed.values() for one in ids} == living
        assert all(self.records[one]["user"].decode() == user for user, ids in indexed.items() for one in ids)

    def _check_queues(self) -> None:
        # What was in flight as its queue was deleted belongs to no queue any more; it is marked.
        adrift = {one for one in self.of("active") if "cancel" in self.records[one]}
        members = self._ids_of(keys.MEMBERS, "ZRANGE", 0, -1)
        everyone = {one for ids in members.values() for one in ids}
        held = {lane: ids for lane, ids in self._ids_of(keys.SLOTS, "SMEMBERS").items() if is_queue(lane)}
        lingering = {one for one in everyone if "lingers" in self.records[one]}
        living = self.of(*_LIVING, closing=False) - (adrift - everyone)
        started = {one for one in living if "attempt" in self.records[one]}
        assert {lane: set(ids) for lane, ids in members.items()} == self._by_lane(living | lingering)
        assert {lane: set(ids) for lane, ids in held.items()} == self._by_lane(started | lingering)
        counts = {lane: len(ids) for lane, ids in self._by_lane(lingering).items()}
        for lane, ids in held.items():
            assert set(members[lane][: len(ids)]) == set(ids), f"{lane}: what holds slots stands in front"
        for lane in members:
            user, _, name = lane.partition(":")
            assert self._command("HEXISTS", keys.LANE(lane), "created_ms"), lane
            assert self._command("SISMEMBER", keys.QUEUE_NAMES(user), name), lane
        for lane, gate in self._family(keys.LANE, "HGETALL"):
            assert b"created_ms" in gate, f"{lane}: a gate without a queue"
            assert int(gate.get(b"lingering", 0)) == counts.get(lane, 0), lane

    def _check_callbacks(self) -> None:
        waiting: defaultdict[str, set[str]] = defaultdict(set)
        for message_id in self.of(*_LIVING):
            waiting[self.records[message_id].get("source", b"").decode()].add(message_id)
        for message_id, one in self.records.items():
            assert "lingers" not in one or (one["state"].decode() not in _LIVING and waiting[message_id]), (
                message_id
            )
        for source, ids in self._family(keys.CALLBACKS, "SMEMBERS"):
            assert {word.decode() for word in ids} == waiting[source], source
        in_queues = {
            one for one in waiting if is_queue(self.records.get(one, {}).get("origin", b"").decode())
        }
        assert in_queues <= {source for source, _ in self._family(keys.CALLBACKS, "SMEMBERS")}

    def _check_ring(self) -> None:
        turns = [word.decode() for word in self._command("LRANGE", keys.RING(), 0, -1)]
        assert len(set(turns)) == len(turns)
        assert set(turns) == self._set(keys.RINGED(), "SMEMBERS")
        for lane, ready in self._by_lane(self.of("ready", closing=False), queues_only=False).items():
            assert lane in turns or self._is_shut(lane, ready, turns), f"{lane}: work that nobody is told of"

    def _is_shut(self, lane: str, ready: set[str], turns: list[str]) -> bool:
        if not is_queue(lane):
            return ":" in lane and self.gates.holds_back(lane)
        paused, parallelism = self._command("HMGET", keys.LANE(lane), "paused", "parallelism")
        if paused == b"1":
            return True
        held = self._set(keys.SLOTS(lane), "SMEMBERS")
        line = [word.decode() for word in self._command("LRANGE", keys.QUEUE(lane), 0, -1)]
        could_start = [one for one in line if one in held]
        if len(held) < int(parallelism):
            could_start += [one for one in line if one not in held][:1]
        assert set(could_start) <= ready
        return all(self._waits(lane, one, turns) for one in could_start)

    def _waits(self, lane: str, message_id: str, turns: list[str]) -> bool:
        gate = self.records[message_id].get("flow")
        return gate is not None and self.gates.waits(lane, gate.decode(), turns)

    def _check_lines(self) -> None:
        lines = self._ids_of(keys.QUEUE, "LRANGE", 0, -1)
        ready = self.of("ready", closing=False)
        found = Counter(one for ids in lines.values() for one in ids)
        assert {one for one in found if one not in self.closing} == ready
        assert all(count == 1 for count in found.values())
        for lane, ids in lines.items():
            assert all(self._lane(one) == lane for one in ids)
            if is_queue(lane):
                holders = [one for one in ids if "attempt" in self.records[one]]
                rest = [one for one in ids if one not in holders and one not in self.closing]
                places = [word.decode() for word in self._command("ZRANGE", keys.MEMBERS(lane), 0, -1)]
                assert ids[: len(holders)] == holders, f"{lane}: what holds a slot stands in front"
                assert rest == [one for one in places if one in rest], f"{lane}: the order of the places"

    def _check_dead_letters(self) -> None:
        # Two users may have dead letters under the same id.
        letters = {
            (dlq_id.decode(), fields[b"m"].decode())
            for _, rows in self._family(keys.DEAD, "XRANGE", "-", "+")
            for dlq_id, fields in rows
        }
        known = {
            (one["dlq_id"].decode(), message_id)
            for message_id, one in self.records.items()
            if "dlq_id" in one
        }
        assert {pair for pair in letters if pair[1] in self.records} == known
        registries = self._ids_of(keys.FAILED, "ZRANGE", 0, -1)
        registered = {one for ids in registries.values() for one in ids}
        assert registered == {one for _, one in letters}, "RQ's failed jobs and the dead letters are the same"
        known_by_lane = self._by_lane((one for _, one in known), queues_only=False)
        assert all(ids <= set(registries[lane]) for lane, ids in known_by_lane.items())

    def _check_log(self) -> None:
        entries: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for _, rows in self._family(keys.LOG, "XRANGE", "-", "+"):
            for entry_id, fields in rows:
                entries[fields[b"m"].decode()].append((entry_id.decode(), fields[b"s"].decode()))
        for message_id, one in self.records.items():
            trail, kept = one["trail"].decode().split(), entries[message_id]
            assert trail[len(trail) - len(kept) :] == [entry_id for entry_id, _ in kept], message_id
            last_word = _LAST_WORDS.get(one["state"].decode())
            last_words = [word for _, word in kept if word in _LAST_WORDS.values()]
            assert last_words == ([last_word] if last_word and kept else []), message_id
            assert not last_word or not kept or kept[-1][1] == last_word, message_id
