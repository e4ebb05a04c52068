"""Write JSON Schemas in few words; knows the language, not the API."""

from typing import Any

Json = dict[str, Any]


def text(doc: str = "", **more: object) -> Json:
    """Return the schema of a string."""
    return _typed("string", doc, more)


def word(doc: str = "", **more: object) -> Json:
    """Return the schema of a string that is not empty."""
    return text(doc, minLength=1, **more)


def whole(doc: str = "", *, minimum: int = 0, **more: object) -> Json:
    """Return the schema of a whole number."""
    return _typed("integer", doc, {"minimum": minimum, **more})


def flag(doc: str = "") -> Json:
    """Return the schema of a truth value."""
    return _typed("boolean", doc, {})


def one_of(*values: str, doc: str = "") -> Json:
    """Return the schema of a string that is one of `values`."""
    return text(doc, enum=list(values))


def listed(items: Json, doc: str = "", **more: object) -> Json:
    """Return the schema of an array."""
    return _typed("array", doc, {"items": items, **more})


def record(required: Json, optional: Json | None = None, doc: str = "", **more: object) -> Json:
    """Return the schema of an object with these fields and no others."""
    fields: Json = {"properties": required | (optional or {}), "additionalProperties": False}
    if required:
        fields["required"] = sorted(required)
    return _typed("object", doc, fields | more)


def mapping(values: Json, doc: str = "", **more: object) -> Json:
    """Return the schema of an object with any names, whose values are alike."""
    return _typed("object", doc, {"additionalProperties": values, **more})


def schema(name: str) -> Json:
    """Return a reference to a schema of the description."""
    return {"$ref": f"#/components/schemas/{name}"}


def _typed(kind: str, doc: str, more: Json) -> Json:
    described = {"description": doc} if doc else {}
    return {"type": kind, **described, **more}
