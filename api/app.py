"""Put the front together: wiring only."""

from flask import Flask

from api import dlq, health, logs, messages, not_built, publish, queues, signing_keys
from api.auth import Gate
from api.errors import ErrorAnswers
from api.raw_target import NameConverter, RawTarget
from api.request_scope import CORE
from qstash_rq.core import Core

_BLUEPRINTS = (publish, messages, queues, dlq, logs, signing_keys, health, not_built)


def create_app(core: Core) -> Flask:
    """Return the WSGI application that serves `core`."""
    app = Flask("api", static_folder=None)
    app.extensions[CORE] = core
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # Each of these would answer some path with a redirect, which the clients do not follow.
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.url_map.converters["name"] = NameConverter
    gate = Gate(core)
    app.before_request(gate.check)
    ErrorAnswers(core.clock, on_outage=gate.forget).register(app)
    for module in _BLUEPRINTS:
        app.register_blueprint(module.blueprint)
    app.wsgi_app = RawTarget(app.wsgi_app)
    return app
