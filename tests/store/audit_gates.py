"""Hold the gates of flow-control keys to the records: who uses one, who is in flight, who waits."""

from collections import defaultdict
from collections.abc import Mapping

from qstash_rq.core import Core
from qstash_rq.store import keys
from tests.store.gates import window_end_ms

_DAY_MS = 86_400_000

Record = Mapping[str, bytes]


class Gates:
    """One look at all gates; `living` are the records of the messages that are not terminal."""

    def __init__(self, core: Core, living: Mapping[str, Record]) -> None:
        self._command = core.store.command
        self._now_ms = core.clock.now_ms()
        self._users: defaultdict[str, set[str]] = defaultdict(set)
        self._active: defaultdict[str, set[str]] = defaultdict(set)
        for message_id, one in living.items():
            if "flow" in one:
                self._users[one["flow"].decode()].add(message_id)
                if one["state"] == b"active":
                    self._active[one["flow"].decode()].add(message_id)
        names = {name.decode().removeprefix(keys.FLOW.name) for name in self._command("KEYS", keys.FLOW("*"))}
        self._gates = {name: self._fields(name) for name in names}
        words = self._command("ZRANGE", keys.WAKES(), 0, -1, "WITHSCORES")
        self._wakes = {
            word.decode(): float(score) for word, score in zip(words[::2], words[1::2], strict=True)
        }

    def check(self) -> None:
        """Fail unless every gate counts exactly what the records say, and none outlives its use."""
        assert set(self._users) <= set(self._gates)
        for family in (keys.WAITERS, keys.LISTENERS):
            names = self._command("KEYS", family("*"))
            assert {name.decode().removeprefix(family.name) for name in names} <= set(self._users)
        assert set(self._wakes) <= set(self._users)
        for gate, fields in self._gates.items():
            users = self._command("SMEMBERS", keys.FLOW_USERS(gate))
            assert {word.decode() for word in users} == self._users[gate], gate
            held = self._command("SMEMBERS", keys.SLOTS(gate))
            assert {word.decode() for word in held} == self._active[gate], gate
            stays = users or any(fields.get(name) for name in ("paused", "pin_parallelism", "pin_rate"))
            left_ms = self._command("PTTL", keys.FLOW(gate))
            assert left_ms == -1 if stays else 0 < left_ms <= _DAY_MS, gate
            user, _, key = gate.partition(":~")
            assert self._command("SISMEMBER", keys.FLOW_KEYS(user), key), gate

    def holds_back(self, gate: str) -> bool:
        """Tell whether a gate is shut and something will tell its lane when it opens."""
        fields = self._gates[gate]
        parallelism, rate = fields.get("parallelism", 0), fields.get("rate", 0)
        if fields.get("paused") or 0 < parallelism <= len(self._active[gate]):
            return True
        ends_ms = window_end_ms(fields.get("window_ms", 0), fields.get("arrived_ms", 0), fields["period_ms"])
        # It may be that the window is shut because it is about to end, however few have started in it.
        return bool(rate and fields.get("count")) and self._wakes.get(gate, ends_ms + 1) <= ends_ms

    def waits(self, lane: str, gate: str, turns: list[str]) -> bool:
        """Tell whether a queue waits for its turn at a gate that is shut, or about to be visited."""
        waiting = self._command("ZSCORE", keys.WAITERS(gate), lane) is not None
        return waiting and (gate in turns or self.holds_back(gate))

    def _fields(self, gate: str) -> dict[str, int]:
        row = self._command("HGETALL", keys.FLOW(gate))
        return {name.decode(): int(value) for name, value in row.items() if name != b"paused_ip"}
