"""Make the identifiers of contract section 6: `msg_`, `sig_`, `jwt_` and base58 text."""

import os
from collections.abc import Iterator

_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# One letter for each byte: a twelfth of the cost of dividing a big number by 58, on a path
# that runs once a delivery. 24 of the letters come up 5/256 of the time instead of 4/256.
_LETTER_OF_BYTE = bytes(_BASE58[byte % 58] for byte in range(256))

_MESSAGE_ID_LETTERS = 26
_JWT_LETTERS = 22


def _base58(source: bytes) -> str:
    return source.translate(_LETTER_OF_BYTE).decode()


def new_message_id() -> str:
    """Return a fresh message id: `msg_` and 26 random base58 characters (over 150 bits)."""
    return "msg_" + _base58(os.urandom(_MESSAGE_ID_LETTERS))


def new_message_ids(most: int) -> Iterator[str]:
    """Yield up to `most` fresh message ids.

    The system is asked for random bytes once. Each time the thread that asks lets go of the interpreter, and
    waits until the others let it go on: that was a tenth of a batch of 100.
    """
    random = os.urandom(_MESSAGE_ID_LETTERS * most)
    for at in range(0, len(random), _MESSAGE_ID_LETTERS):
        yield "msg_" + _base58(random[at : at + _MESSAGE_ID_LETTERS])


def new_signing_key(source: bytes | None = None) -> str:
    """Return a signing key: `sig_` and 28 base58 characters, random unless made from 28 bytes of `source`."""
    return "sig_" + _base58(os.urandom(28) if source is None else source[:28])


def jwt_ids() -> Iterator[str]:
    """Give fresh JWT ids for ever; each process needs its own, for a fork would give the same ones."""
    while True:
        # Asking the kernel for the bytes of each one took 0.5 to 0.9 µs of a delivery's 48.
        letters = _base58(os.urandom(_JWT_LETTERS * 64))
        for start in range(0, len(letters), _JWT_LETTERS):
            yield "jwt_" + letters[start : start + _JWT_LETTERS]


def new_schedule_id() -> str:
    """Return a fresh schedule id: `scd_` and 26 random base58 characters."""
    return "scd_" + _base58(os.urandom(26))
