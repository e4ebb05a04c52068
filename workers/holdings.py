"""What a worker holds in flight: its claims and the bytes of their bodies, and room for how many more."""

from qstash_rq.delivery import Claim

# Bodies of one claim: the whole answer is in Redis's memory and in the worker's before the first is sent.
CLAIM_BYTES = 16_000_000


class Holdings:
    """The claims in flight by message id; `most_bytes` of bodies are enough, and the last may go over it."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._claims: dict[str, Claim] = {}

    def __len__(self) -> int:
        """Return how many claims are in flight."""
        return len(self._claims)

    @property
    def claims(self) -> list[Claim]:
        """All of them."""
        return list(self._claims.values())

    @property
    def room_bytes(self) -> int:
        """How many bytes to claim next; 0 or less when that has to wait."""
        return min(self._most_bytes - self._bytes, CLAIM_BYTES)

    def take(self, claimed: Claim) -> None:
        """Hold a claim."""
        self._claims[claimed.message.message_id] = claimed
        self._bytes += len(claimed.message.body)

    def let_go(self, claimed: Claim) -> None:
        """Hold a claim no longer."""
        message = claimed.message
        self._bytes -= len(message.body)
        # After a lost lease the same message may be in flight here again, in a later attempt.
        if self._claims.get(message.message_id) is claimed:
            del self._claims[message.message_id]
