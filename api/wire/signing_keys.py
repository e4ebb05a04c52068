"""Signing keys (contract 2.8)."""

from api.wire.fields import Json
from qstash_rq.signing_keys import SigningKeys


def signing_keys_json(signing_keys: SigningKeys) -> Json:
    """Return the pair of signing keys."""
    return {"current": signing_keys.current, "next": signing_keys.next}
