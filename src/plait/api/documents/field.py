"""What all fields have in common: a descriptor that knows its place in the document.

Reading a field makes a view (or gives a value); assigning to it asks the field what that means.
The place, the type and the checks are made once, with the class; an access makes one view.

A field has three names: the attribute, its *part* (``tag:name``, which is how it is stored and
what makes it the same field everywhere), and perhaps an *alias*: the name that it was stored
under before it was renamed. As long as nothing was ever written under the new name, the field
stands for the old one.
"""

from typing import Any, ClassVar, TypeVar

from plait.api.documents.access import Access
from plait.api.documents.checking import shown
from plait.api.documents.view import View
from plait.base.errors import BadDocument, BadValue
from plait.types.catalogue import type_of
from plait.types.graph_type import GraphType
from plait.types.paths import Path, component

V = TypeVar("V", bound=View)


class Held:
    """What holds fields: a document, or a document within one. Implemented by `Document`."""

    __slots__ = ("_access", "_key", "_path")
    _access: Access
    _key: str
    _path: Path


class Field:
    """One field of a document class, or the type of a map's values."""

    __slots__ = ("_own", "_owner", "alias", "name", "part")
    tag: str

    def __init__(self, alias: str | None = None) -> None:
        if alias is not None and (not isinstance(alias, str) or not alias):
            raise BadDocument(f"alias={alias!r}: it is the name that the field had before")
        self.alias = alias
        self.name = ""
        self.part = ""
        self._own: Path = ()  # the place in a document that stands at ()
        self._owner = ""

    def settle(self, owner: str, name: str) -> None:
        """The class `owner` has this field under `name`. `BadDocument` if another has it too."""
        if self.name:
            raise BadDocument(
                f"{owner}.{name} is the same object as {self._owner}.{self.name};"
                f" declare each field with a call of its own"
            )
        self.name, self._owner = name, owner
        self.part = component(self.tag, name)
        self._own = (self.part,)
        self.check_declared(f"{owner}.{name}")

    def check_declared(self, where: str) -> None:
        """What can only be checked with a name to put into the message. `BadDocument`."""
        return

    @property
    def type(self) -> GraphType[Any]:
        """The graph type of its objects."""
        found: GraphType[Any] = type_of(self.tag)
        return found

    # ------------------------------------------------------------------ places

    def place(self, held: Held) -> Path:
        """Where the field's object stands in a document."""
        if self.alias is not None:
            return self._aliased(held)
        return held._path + self._own

    def _aliased(self, held: Held) -> Path:
        new = held._path + self._own
        old = (*held._path, component(self.tag, self.alias or ""))
        if self._is_written(held, new) or not self._is_written(held, old):
            return new
        return old

    def _is_written(self, held: Held, path: Path) -> bool:
        if self.tag == "o":  # has no state of its own
            return bool(held._access.children(held._key, path))
        return held._access.state(held._key, path) is not None

    # ------------------------------------------------------------------ at a place

    def at(self, access: Access, key: str, path: Path) -> Any:
        """What reading gives: a view, or a value."""
        raise NotImplementedError

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """What assigning does; `BadValue` says how else to change it."""
        raise NotImplementedError

    def plain(self, access: Access, key: str, path: Path) -> Any:
        """The value as plain Python objects, for `to_dict` and comparisons."""
        found = self.at(access, key, path)
        return found.value if isinstance(found, View) else found

    def alive(self, access: Access, key: str, path: Path) -> bool:
        """Whether anything is there."""
        return access.alive(key, path, self.type)

    def loaded(self, value: Any) -> Any:
        """A stored value as this field shows it: in changes and conflicts."""
        return value

    def __repr__(self) -> str:
        title = f" {self._owner}.{self.name}" if self.name else ""
        return f"<{type(self).__name__}{title}>"


class ViewField(Field):
    """A field that reads as a view, and is changed through that."""

    __slots__ = ()
    view: ClassVar[type[View]]
    instead: ClassVar[str]  # what to write instead of an assignment

    def at(self, access: Access, key: str, path: Path) -> Any:
        """A view."""
        return self.view(access, key, path)

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Accept the field's own view, which is what ``+=`` assigns."""
        refuse(self.at(access, key, path), value, self.instead)


def refuse(view: View, value: Any, instead: str) -> None:
    """`BadValue` that says what to do instead, unless `value` is this view itself."""
    if not view._stands_for(value):
        raise BadValue(
            f"{view._where()} cannot be set to {shown(value)}, since others change it at the same"
            f" time; {instead}"
        )
