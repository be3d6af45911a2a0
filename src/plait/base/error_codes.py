"""Errors by their codes: what a node said, as the error that it raised there."""

from typing import Any

from plait.base.errors import Indefinite, PlaitError


def _subclasses(root: type[PlaitError]) -> dict[str, type[PlaitError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found.update(_subclasses(child))
    return found


_BY_CODE = _subclasses(PlaitError)


def from_code(code: str, message: str, details: dict[str, Any] | None = None) -> PlaitError:
    """The error that `code` names, as received from another node.

    An unknown code (a newer peer's) becomes `Indefinite`, the cautious reading.
    """
    return _BY_CODE.get(code, Indefinite)(message, **(details or {}))
