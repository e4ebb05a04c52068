"""Every error the core raises, as one tree with a code each.

QStashError
├── InvalidInput        invalid_input   400  the request is malformed; the text names the field
├── NotSupported        not_supported   400  a part of the contract that is not built yet
├── Unauthorized        unauthorized    401  no token, or a wrong one
├── Forbidden           forbidden       403  a read-only token was used to write
├── NotFound            not_found       404  the resource does not exist for this user
├── LimitExceeded       limit_exceeded  412  a quota or configured maximum would be exceeded
├── TooLarge            too_large       413  a body is larger than the configured maximum
└── StoreUnavailable    unavailable     503  Redis cannot be reached or cannot take the write

`api/errors.py` holds the one table from code to HTTP status. A failed delivery
is not an error but a value: see `qstash_rq.delivery.Attempt`.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """What went wrong, for the table that turns it into an HTTP status."""

    INVALID_INPUT = "invalid_input"
    NOT_SUPPORTED = "not_supported"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    LIMIT_EXCEEDED = "limit_exceeded"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"


class QStashError(Exception):
    """Base of all errors of the core; `str(error)` is the text for the caller."""

    code: ErrorCode = ErrorCode.INVALID_INPUT


class InvalidInput(QStashError):
    """The request is malformed; the text names the offending field."""

    code = ErrorCode.INVALID_INPUT


class NotSupported(QStashError):
    """The request uses a part of the contract that this server does not have yet."""

    code = ErrorCode.NOT_SUPPORTED


class Unauthorized(QStashError):
    """The request carries no token or a wrong one."""

    code = ErrorCode.UNAUTHORIZED


class Forbidden(QStashError):
    """A read-only token was used for something other than reading."""

    code = ErrorCode.FORBIDDEN


class NotFound(QStashError):
    """The named resource does not exist for this user."""

    code = ErrorCode.NOT_FOUND


class LimitExceeded(QStashError):
    """A quota or a configured maximum would be exceeded."""

    code = ErrorCode.LIMIT_EXCEEDED


class TooLarge(QStashError):
    """A body is larger than the configured maximum."""

    code = ErrorCode.TOO_LARGE


class StoreUnavailable(QStashError):
    """Redis cannot be reached or refuses the write; nothing was stored."""

    code = ErrorCode.UNAVAILABLE


class Overloaded(QStashError):
    """This process has no room for the call now; nothing was stored."""

    code = ErrorCode.UNAVAILABLE


class StoreDefect(Exception):
    """Redis refused a command of ours as wrong, or a script failed: a defect, which no caller can help."""


class SettingsError(Exception):
    """The process cannot start with these settings; the text names the setting."""
