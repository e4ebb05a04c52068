"""How many bytes of request bodies a web process holds at once; the call that would go over it is refused.

Bodies of calls in threads alone: those that the event loop answers itself are small.
"""

from threading import Lock

from qstash_rq.errors import Overloaded


class BodyRoom:
    """The room of one process; `lease` gives each call its part."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._lock = Lock()

    def lease(self) -> "BodyLease":
        """Return what one call takes its room with."""
        return BodyLease(self)

    def change(self, held_bytes: int, more_bytes: int) -> None:
        """Take `more_bytes` for a call that holds `held_bytes`, or give back a negative number of them.

        A call that is alone is never refused. Raises Overloaded.
        """
        with self._lock:
            total = self._held_bytes + more_bytes
            if more_bytes > 0 and total > self._most_bytes and self._held_bytes > held_bytes:
                msg = "this process holds too many request bodies now, try again later"
                raise Overloaded(msg)
            self._held_bytes = total


class BodyLease:
    """What one call holds, until its end."""

    def __init__(self, room: BodyRoom) -> None:
        self._room = room
        self._held_bytes = 0

    def take(self, more_bytes: int) -> None:
        """Take room for a piece of the body; raises Overloaded."""
        self._room.change(self._held_bytes, more_bytes)
        self._held_bytes += more_bytes

    def end(self) -> None:
        """Give everything back."""
        self._room.change(self._held_bytes, -self._held_bytes)
        self._held_bytes = 0
