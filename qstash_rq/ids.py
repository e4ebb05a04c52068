"""Make the identifiers of contract section 6: `msg_`, `sig_`, `jwt_` and base58 text."""

import secrets

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _base58(number: int, length: int) -> str:
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, 58)
        digits.append(_BASE58[digit])
    return "".join(digits)


def new_message_id() -> str:
    """Return a fresh message id: `msg_` and 26 random base58 characters (152 bits)."""
    return "msg_" + _base58(secrets.randbits(160), 26)


def new_signing_key(number: int | None = None) -> str:
    """Return a signing key: `sig_` and 28 base58 characters, random unless made from `number`."""
    return "sig_" + _base58(secrets.randbits(168) if number is None else number, 28)


def new_jwt_id() -> str:
    """Return a fresh JWT id: `jwt_` and 22 random base58 characters."""
    return "jwt_" + _base58(secrets.randbits(136), 22)
