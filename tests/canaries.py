"""Secrets of the tests, each a word that stands nowhere else: none may show in any output (promise 8)."""

from qstash_rq.settings import (
    DEVELOPMENT_CURRENT_SIGNING_KEY,
    DEVELOPMENT_NEXT_SIGNING_KEY,
    DEVELOPMENT_TOKEN,
)

READ_ONLY_TOKEN = "read-only-token-canary"
REDIS_PASSWORD = "redis-password-canary"
FORWARDED = "forwarded-authorization-canary"
REDACTED_BODY = "redacted-body-canary"
WRONG_TOKEN = "wrong-token-canary"

SECRETS = {
    "the token": DEVELOPMENT_TOKEN,
    "the current signing key": DEVELOPMENT_CURRENT_SIGNING_KEY,
    "the next signing key": DEVELOPMENT_NEXT_SIGNING_KEY,
    "the read-only token": READ_ONLY_TOKEN,
    "the password of Redis": REDIS_PASSWORD,
    "a forwarded Authorization": FORWARDED,
    "a redacted body": REDACTED_BODY,
    "a wrong token": WRONG_TOKEN,
}


def find_secrets(text: str) -> list[str]:
    """Return which secrets `text` tells."""
    return [name for name, secret in SECRETS.items() if secret in text]
