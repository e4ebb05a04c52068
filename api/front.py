"""The whole front as an ASGI application: plain publishes on the event loop, everything else in Flask."""

from dataclasses import replace

from api.app import assemble
from api.asgi_environ import Scope, environ_of
from api.asgi_messages import Receive, Send
from api.auth import Gate
from api.errors import ErrorAnswers
from api.publish_lane import PublishLane
from api.threaded_wsgi import ThreadedWsgi
from qstash_rq.core import Core
from qstash_rq.group_commit import GroupCommit
from qstash_rq.remembered_names import RememberedNames


class Front:
    """The front of one core; takes HTTP requests alone."""

    def __init__(self, core: Core, commit: GroupCommit) -> None:
        names = RememberedNames(core.resolve, core.clock)
        on_loop = replace(core, resolve=names.recall)
        core = replace(core, resolve=names.look_up)
        gate = Gate(core)
        errors = ErrorAnswers(core.clock, on_outage=gate.forget)
        self._lane = PublishLane(on_loop, gate, errors, commit)
        self._flask = ThreadedWsgi(assemble(core, gate, errors))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        environ = environ_of(scope)
        if not await self._lane.answer(environ, receive, send):
            await self._flask(environ, receive, send)
