"""Tell what passes (Redis is gone, full, loading, demoted) from what is a mistake of ours."""

import re

from redis.exceptions import (
    AskError,
    ClusterDownError,
    DataError,
    ExecAbortError,
    LockError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    PubSubError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
    WatchError,
)

# What redis-py has a class for: it has cut the word off the text. A MOVED is an AskError, a MASTERDOWN a
# ClusterDownError. A script that is unknown in a pipeline is known the next time, and a transaction (RQ has
# some) is discarded when one of its commands was refused.
_OUTAGES = (
    OutOfMemoryError,
    ReadOnlyError,
    NoPermissionError,
    ClusterDownError,
    AskError,
    TryAgainError,
    NoScriptError,
    ExecAbortError,
)
# Wrong whatever the server does.
_DEFECTS = (DataError, PubSubError, WatchError, LockError)

# The first word of an answer. Inside a script, older servers put it behind the place of the call.
_OUTAGE_WORDS = re.compile(
    r"(?:Error running script .*?: -?)?"
    r"(?:LOADING|READONLY|OOM|MISCONF|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM"
    r"|NOSCRIPT|EXECABORT|UNBLOCKED|DENIED|max number of clients)\b"
)


def is_outage(error: Exception) -> bool:
    """Whether `error` of the Redis client (or of its socket) says that Redis cannot do its work now.

    Otherwise the command itself was wrong, and would be wrong again.
    """
    if isinstance(error, _OUTAGES):
        return True
    if isinstance(error, ResponseError):
        # redis-py says first which command of a pipeline it was.
        return _OUTAGE_WORDS.match(str(error).rpartition(" of pipeline caused error: ")[2]) is not None
    return not isinstance(error, _DEFECTS)
