"""The application the web server imports (`api.asgi:app`), made from the environment's settings."""

import logging
import sys

from api.front import Front
from qstash_rq.core import open_core
from qstash_rq.errors import SettingsError, StoreUnavailable
from qstash_rq.group_commit import open_group_commit
from qstash_rq.settings import Settings
from qstash_rq.starting import refuse_unfit_server
from qstash_rq.users import ensure_first_user

_log = logging.getLogger(__name__)

# The status with which a worker tells gunicorn to give up instead of starting it again and again.
_CANNOT_START = 3


def _start() -> Front:
    core = open_core(Settings.from_env())
    refuse_unfit_server(core)
    try:
        ensure_first_user(core)
    except StoreUnavailable as error:
        # Not a reason to exit: requests are answered 503 until Redis comes, then `auth` sets the user up.
        _log.warning("api.first_user_postponed: %s", error.__cause__ or error)
    return Front(core, open_group_commit(core))


try:
    app = _start()
except SettingsError as error:
    _log.critical("cannot start: %s", error)
    sys.exit(_CANNOT_START)
