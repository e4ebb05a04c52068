"""Put the description together."""

from importlib.metadata import version

from api.openapi.explanation_schemas import EXPLANATION_SCHEMAS
from api.openapi.message_paths import MESSAGE_PATHS
from api.openapi.message_schemas import MESSAGE_SCHEMAS
from api.openapi.operation import ERROR_RESPONSES
from api.openapi.parameters import PARAMETERS
from api.openapi.resource_paths import RESOURCE_PATHS
from api.openapi.resource_schemas import RESOURCE_SCHEMAS
from api.openapi.schema import Json

_ABOUT = """\
A message queue and scheduler that speaks the QStash wire protocol.

Static words of a path come in any case, and one slash may follow. Unset fields are left out: none is null.
Times are Unix milliseconds unless a field says otherwise.
Another method on a path is a 405, an unknown path a 404.
"""

_SECURITY: Json = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "queryToken": {"type": "apiKey", "in": "query", "name": "qstash_token"},
}


def describe() -> Json:
    """Return the description of the whole API as an OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "qstash-rq", "version": version("qstash-rq"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in _SECURITY],
        "paths": MESSAGE_PATHS | RESOURCE_PATHS,
        "components": {
            "securitySchemes": _SECURITY,
            "schemas": RESOURCE_SCHEMAS | MESSAGE_SCHEMAS | EXPLANATION_SCHEMAS,
            "parameters": PARAMETERS,
            "responses": ERROR_RESPONSES,
        },
    }
