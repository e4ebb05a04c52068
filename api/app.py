"""Put the front together: wiring only."""

from flask import Flask

from api import (
    batch,
    description,
    dlq,
    flow_control,
    health,
    logs,
    messages,
    publish,
    queues,
    schedules,
    signing_keys,
    topics,
)
from api.auth import Gate
from api.burst import refuse_burst
from api.cors import Cors
from api.errors import ErrorAnswers
from api.raw_target import NameConverter, RawTarget, TextConverter
from api.request_scope import CORE
from qstash_rq.core import Core

_BLUEPRINTS = (
    *(publish, batch, messages, queues, schedules, topics, dlq, logs, signing_keys, flow_control),
    *(health, description),
)


def create_app(core: Core) -> Flask:
    """Return the WSGI application that serves `core`."""
    gate = Gate(core)
    return assemble(core, gate, ErrorAnswers(core.clock, on_outage=gate.forget))


def assemble(core: Core, gate: Gate, errors: ErrorAnswers) -> Flask:
    """Return the application with a gate and error answers that others use too."""
    app = Flask("api", static_folder=None)
    app.extensions[CORE] = core
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # Each of these would answer some path with a redirect, which the clients do not follow.
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.url_map.converters["name"] = NameConverter
    app.url_map.converters["text"] = TextConverter
    Cors(core.settings).register(app)
    app.before_request(gate.check)
    app.before_request(refuse_burst)
    errors.register(app)
    for module in _BLUEPRINTS:
        app.register_blueprint(module.blueprint)
    app.wsgi_app = RawTarget(app.wsgi_app)
    return app
