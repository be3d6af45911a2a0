"""From paths, as objects are stored, to names and fields, as people see them."""

from typing import Any

from plait.api.documents.field import Field
from plait.api.documents.lists import List
from plait.api.documents.maps import Map
from plait.types.paths import Path, name_of


def names_of(path: Path) -> tuple[str, ...]:
    """The path without its tags: ``("meta", "likes")``."""
    return tuple(name_of(part) for part in path)


def field_at(document: Any, path: Path) -> Field | None:
    """The field of a document class that a path leads to; None where the class says nothing."""
    fields = getattr(document, "fields", {})
    field: Field | None = None
    for part in path:
        if isinstance(field, Map):
            field = field.values
            continue
        if isinstance(field, List):  # the name of an element
            fields = getattr(field.document, "fields", {})
            field = None
            continue
        found = [one for one in fields.values() if part in (one.part, f"{one.tag}:{one.alias}")]
        if not found:
            return None
        field = found[0]
        fields = getattr(getattr(field, "document", None), "fields", {})
    return field
