"""The whole front: plain publishes on the event loop, everything else an ASGI application that is Flask."""

from dataclasses import replace

from api.app import assemble
from api.asgi_environ import Scope, environ_of
from api.asgi_messages import Receive, Send
from api.auth import Gate
from api.body_room import BodyRoom
from api.errors import ErrorAnswers
from api.publish_lane import PublishLane
from api.threaded_wsgi import ThreadedWsgi
from qstash_rq.core import Core
from qstash_rq.group_commit import GroupCommit
from qstash_rq.remembered_names import RememberedNames


class Front:
    """The front of one core; takes HTTP requests alone.

    A server that asks `lane` before it makes a request of what it received is told faster.
    """

    def __init__(self, core: Core, commit: GroupCommit) -> None:
        names = RememberedNames(core.resolve, core.clock)
        on_loop = replace(core, resolve=names.recall)
        core = replace(core, resolve=names.look_up)
        gate = Gate(core)
        errors = ErrorAnswers(core.clock, on_outage=gate.forget)
        self.lane = PublishLane(on_loop, gate, errors, commit)
        self._flask = ThreadedWsgi(assemble(core, gate, errors), BodyRoom(core.settings.web_body_bytes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._flask(environ_of(scope), receive, send)
