"""JSON schemas that several operations use."""

from typing import Any

OBJECT: dict[str, Any] = {"type": "object"}
STRING: dict[str, Any] = {"type": "string"}
ANY: dict[str, Any] = {}


def array(of: dict[str, Any]) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": of}


def record(required: tuple[str, ...] = (), **fields: dict[str, Any]) -> dict[str, Any]:
    """An object with these fields, and no others."""
    made: dict[str, Any] = {
        "type": "object", "properties": fields, "additionalProperties": False,
    }  # fmt: skip
    return {**made, "required": list(required)} if required else made
