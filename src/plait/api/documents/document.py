"""Documents: classes with typed fields, whose instances are handles on a key of a collection.

A document holds no value. Reading ``docs["n1"]`` makes one without looking whether it is there,
keeping it costs nothing, and it always shows what the replica knows.

A class is checked when it is made (`BadDocument`): what a name means is then known for good, and
assigning to a name that is no field is an `AttributeError`, not a new attribute.
"""

from abc import ABCMeta
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, Self, TypeVar, get_origin, overload

from plait.api.documents.access import Access
from plait.api.documents.change import OpenChange
from plait.api.documents.checking import shown, type_title
from plait.api.documents.conflicts import Conflict, conflicts_of
from plait.api.documents.field import Field, Held
from plait.api.documents.history import Version, history_of, past_of
from plait.api.documents.json import JsonMapping
from plait.api.documents.registers import Register, RegisterView, untyped
from plait.api.documents.replay import replay
from plait.api.documents.watching import NamedPath, Watch
from plait.base.errors import BadDocument, BadValue
from plait.types.paths import Path, name_of, tag_of

D = TypeVar("D", bound="Document")


class DocumentClass(ABCMeta):
    """Makes document classes, and refuses what would not work."""

    fields: dict[str, Field]

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> "DocumentClass":
        own = _fields_of(name, bases, namespace)
        namespace.setdefault("__slots__", ())  # so that a misspelt field is an error
        made = super().__new__(mcs, name, bases, namespace, **options)
        fields: dict[str, Field] = {}
        for base in reversed(made.__mro__[1:]):
            fields.update(getattr(base, "fields", {}) if isinstance(base, DocumentClass) else {})
        fields.update(own)
        _check_parts(name, fields)
        made.fields = fields
        return made


def _fields_of(name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> dict[str, Field]:
    """The fields that a class body declares, settled; `BadDocument`."""
    own: dict[str, Field] = {}
    reserved = {attribute for base in bases for attribute in _reserved(base)}
    for attribute, value in list(namespace.items()):
        where = f"{name}.{attribute}"
        if isinstance(value, DocumentClass) and value.__qualname__ != _inner(namespace, attribute):
            namespace[attribute] = value = Nested(value)
        if isinstance(value, type) and issubclass(value, Field):
            raise BadDocument(f"{where} is a class; call it: {attribute} = {value.__name__}(...)")
        if not isinstance(value, Field):
            if attribute.startswith("__") or isinstance(value, DocumentClass):
                continue
            if isinstance(value, type) or get_origin(value) is not None:
                raise BadDocument(
                    f"{where} is a bare type; declare {attribute} = Register({type_title(value)})"
                )
            continue
        if attribute in reserved:
            raise BadDocument(
                f"{where}: every document has {attribute!r} already; give the field another name"
            )
        if attribute.startswith("_"):
            raise BadDocument(f"{where}: a field's name does not begin with an underscore")
        value.settle(name, attribute)
        own[attribute] = value
    for attribute, annotation in namespace.get("__annotations__", {}).items():
        if attribute not in own and not _is_class_variable(annotation):
            title = annotation if isinstance(annotation, str) else type_title(annotation)
            raise BadDocument(
                f"{name}.{attribute}: {title} is only annotated; declare"
                f" {attribute} = Register({title})"
            )
    return own


def _inner(namespace: dict[str, Any], attribute: str) -> str:
    """The qualified name that a class has which was defined in this class body."""
    return f"{namespace.get('__qualname__', '')}.{attribute}"


def _reserved(base: type) -> set[str]:
    """Names that are a document's own: everything public that is no field."""
    return {
        attribute
        for one in base.__mro__
        for attribute, value in vars(one).items()
        if not attribute.startswith("_") and not isinstance(value, Field)
    }


def _is_class_variable(annotation: Any) -> bool:
    text = annotation if isinstance(annotation, str) else ""
    return get_origin(annotation) is ClassVar or annotation is ClassVar or "ClassVar" in text


def _check_parts(name: str, fields: Mapping[str, Field]) -> None:
    """No two fields are stored under one name, now or by an alias."""
    names: dict[str, str] = {}
    for attribute, field in fields.items():
        for stored in (field.name, field.alias):
            if stored is not None and names.setdefault(stored, attribute) != attribute:
                raise BadDocument(
                    f"{name}.{attribute} and {name}.{names[stored]} are both stored as {stored!r}"
                )


class Document(Held, metaclass=DocumentClass):
    """The base of document classes; instances come from a collection: ``notes["n1"]``."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, access: Access, key: str, path: Path = ()) -> None:
        if not isinstance(access, Access):
            raise BadValue(
                f"a {type(self).__name__} is not made but read from its collection, as in"
                f" docs['key']; then assign its fields"
            )
        self._access = access
        self._key = key
        self._path = path

    @property
    def key(self) -> str:
        """Its key in the collection."""
        return self._key

    def to_dict(self) -> dict[str, Any]:
        """Every field's value, as plain Python values."""
        values = {}
        for name, field in type(self).fields.items():
            values[name] = field.plain(self._access, self._key, field.place(self))
        return values

    def delete(self) -> None:
        """Remove the document. What others write at the same time revives it, whole.

        Of a document within another: reset its fields, as far as they were seen.
        """
        if self._path:
            self._access.clear(self._key, self._path)
        else:
            self._access.delete(self._key)

    def register(self, name: str) -> RegisterView:
        """A register field from near: who wrote it, what lost, what is undecided."""
        field = type(self).fields.get(name)
        if not isinstance(field, Register):
            raise BadValue(f"{type(self).__name__} has no register {name!r}")
        return RegisterView(self._access, self._key, field.place(self), field)

    # ------------------------------------------------------------------ changes

    def change(self, message: str | None = None) -> OpenChange:
        """``with doc.change("why"):`` groups what is written into one batch, or discards it."""
        return OpenChange(self._access, message)

    def undo(self) -> bool:
        """Take back the last thing that this handle's collection did to the document.

        A step that touched other documents too is taken back as a whole. False: nothing to undo.
        """
        return replay(self._access, self._key, again=False)

    def redo(self) -> bool:
        """Do again what `undo` took back last. False: nothing to do again."""
        return replay(self._access, self._key, again=True)

    def watch(self, path: NamedPath | None = None) -> Watch:
        """``async for change in doc.watch()``: everybody's changes from now on.

        path: only at and below this field, or this path of names.
        """
        return Watch(self._access, type(self), self._key, path)

    # ------------------------------------------------------------------ the past, the undecided

    def history(self) -> list[Version]:
        """What was done to it, oldest first. `HistoryTrimmed` where that is not kept."""
        return history_of(self._access, self._key)

    def at(self, version: str | datetime) -> Self:
        """The document as of a version (a `Version`'s text) or a time; it cannot be changed."""
        return type(self)(past_of(self._access, version), self._key, self._path)

    def conflicts(self) -> list[Conflict]:
        """Registers in it that wait for a decision."""
        return conflicts_of(self._access, type(self), self._key)

    # ------------------------------------------------------------------ as a value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Document):
            return type(other) is type(self) and self.to_dict() == other.to_dict()
        if isinstance(other, Mapping):
            return self.to_dict() == other
        return NotImplemented

    def __repr__(self) -> str:
        values = "".join(f", {name}={value!r}" for name, value in self.to_dict().items())
        return f"{type(self).__name__}({self._key!r}{values})"


class JsonDocument(JsonMapping, Document):
    """A free-form document: a map of anything. What a collection without a class holds."""

    __eq__ = Document.__eq__
    __hash__ = None

    def register(self, name: str) -> RegisterView:
        """A register from near, though nothing is known of it but what was written."""
        for part in self._access.children(self._key, self._path):
            if name_of(part) == name and tag_of(part) in ("r", "m", "q"):
                path = (*self._path, part)
                return RegisterView(self._access, self._key, path, untyped(tag_of(part)))
        raise BadValue(f"{self.key!r} has no register {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """Everything in it, as plain Python values."""
        return self._plain()

    def __repr__(self) -> str:
        return f"JsonDocument({self._key!r}, {self._plain()!r})"


class Nested(Field, Generic[D]):
    """A field that is a document of its own: ``address = Nested(Address)``.

    A document class as a class attribute means the same; this one type checkers understand.
    """

    __slots__ = ("document",)
    tag = "o"

    def __init__(self, document: type[D], *, alias: str | None = None) -> None:
        super().__init__(alias)
        if not isinstance(document, DocumentClass):
            raise BadDocument(f"Nested() takes a document class, not {shown(document)}")
        self.document = document

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> D: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | D:
        if held is None:
            return self
        return self.document(held._access, held._key, self.place(held))

    def __set__(self, held: Held, value: D | Mapping[str, Any]) -> None:
        self.assign(held._access, held._key, self.place(held), value)

    def at(self, access: Access, key: str, path: Path) -> D:
        """The document there."""
        return self.document(access, key, path)

    def plain(self, access: Access, key: str, path: Path) -> dict[str, Any]:
        """Its fields as a dict."""
        return self.document(access, key, path).to_dict()

    def alive(self, access: Access, key: str, path: Path) -> bool:
        """Whether any of its fields is there."""
        return bool(access.children(key, path))

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Assign each field that a mapping names; the others stay."""
        if isinstance(value, Document) and value._path == path and value._key == key:
            return
        fields = self.document.fields
        if not isinstance(value, Mapping) or not all(name in fields for name in value):
            raise BadValue(
                f"{access.where(key, path)} is a {self.document.__name__}; assign its fields, or a"
                f" mapping of some of them ({', '.join(fields)}), not {shown(value)}"
            )
        document = self.document(access, key, path)
        with access.together():
            for name, one in value.items():
                setattr(document, name, one)
