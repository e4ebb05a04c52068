"""Room for the bodies of answers: what a worker holds of them at once, whatever its endpoints send.

An answer takes room as it comes, in a `Hold`, and waits when there is none; once it has ended, its body
keeps room until its outcome is settled. The first 64 KB of each are free and not counted.
"""

from collections.abc import Callable

FREE_BYTES = 65_536


class ResponseRoom:
    """Room for `most_bytes`; the oldest answer that still comes may go over it, so that one always ends."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        # Oldest first.
        self._holds: dict[Hold, None] = {}
        self._unsettled_bytes = 0
        self.held_bytes = 0

    @property
    def waiting(self) -> int:
        """How many answers wait for room."""
        return sum(1 for hold in self._holds if hold.wanted_bytes)

    def open(self, resume: Callable[[], None]) -> "Hold":
        """Return the hold of a new answer; `resume` is called when it is worth to ask again."""
        hold = Hold(self, resume)
        self._holds[hold] = None
        return hold

    def keep(self, body_bytes: int) -> None:
        """Count the body of an answer that has ended, room or not."""
        if body_bytes > FREE_BYTES:
            self._unsettled_bytes += body_bytes - FREE_BYTES
            self.held_bytes += body_bytes - FREE_BYTES

    def give_back(self, body_bytes: int) -> None:
        """Count a body no more that was kept: its outcome is settled."""
        if body_bytes > FREE_BYTES:
            self._unsettled_bytes -= body_bytes - FREE_BYTES
            self.held_bytes -= body_bytes - FREE_BYTES
            self._wake()

    def fits(self, hold: "Hold", size: int) -> bool:
        """Tell whether `hold` may grow by `size`."""
        if self.held_bytes + size <= self._most_bytes:
            return True
        # Bodies that wait for their settle give back room by themselves. Were the oldest let over the limit
        # beside them, one after the other would be while Redis is away.
        return not self._unsettled_bytes and hold is next(iter(self._holds))

    def end(self, hold: "Hold") -> None:
        """Let go of `hold`."""
        del self._holds[hold]
        self.held_bytes -= hold.held_bytes
        self._wake()

    def _wake(self) -> None:
        for hold in tuple(self._holds):
            if not hold.wanted_bytes:
                continue
            if not self.fits(hold, hold.wanted_bytes):
                return
            hold.wake()


class Hold:
    """What one answer takes while it comes; to be ended, once."""

    __slots__ = ("_resume", "_room", "held_bytes", "wanted_bytes")

    def __init__(self, room: ResponseRoom, resume: Callable[[], None]) -> None:
        self._room = room
        self._resume = resume
        self.held_bytes = 0
        self.wanted_bytes = 0  # not 0 while it waits

    def grow(self, size: int) -> bool:
        """Take room for `size` more bytes; False: there is none, wait for `resume`."""
        if not self._room.fits(self, size):
            self.wanted_bytes = size
            return False
        self.held_bytes += size
        self._room.held_bytes += size
        return True

    def wake(self) -> None:
        """Wait no longer."""
        self.wanted_bytes = 0
        self._resume()

    def end(self) -> None:
        """Give back all of it."""
        self._room.end(self)
