"""Document classes: what they declare, and what is refused when they are made."""

from typing import Any, ClassVar

import msgspec
import pytest

from plait.api.documents import (
    AddWinsSet,
    Ask,
    Counter,
    Document,
    Documents,
    Map,
    Nested,
    Register,
)
from plait.base.errors import BadDocument, BadKey, BadValue
from tests.unit.graph_fake import FakeReplica


class Point(msgspec.Struct):
    x: int
    y: int = 0


class Address(Document):
    street = Register(str)
    visits = Counter()


class Person(Document):
    SPECIES: ClassVar[str] = "human"
    name = Register(str)
    age = Register(int, default=0)
    height = Register(float)
    nick = Register(str | None)
    points = Register(list[Point])
    home = Address
    work = Nested(Address)

    def greeting(self) -> str:
        return f"hello {self.name}"


def people() -> Documents[Person]:
    return Documents(FakeReplica(1, name="people"), Person)


def declare(**namespace: Any) -> type:
    return type(Document)("Note", (Document,), namespace)


def test_fields_read_what_was_written_and_defaults_before_that():
    person = people()["p1"]
    assert (person.name, person.age, person.points) == (None, 0, None)
    person.name, person.age, person.height = "Ann", 3, 2
    assert (person.name, person.age, person.height) == ("Ann", 3, 2.0)
    assert type(person.height) is float
    assert person.greeting() == "hello Ann"


def test_a_field_of_structs_reads_structs_and_keeps_nobody_elses_object():
    person = people()["p1"]
    points = [Point(1), Point(2, 3)]
    person.points = points
    points.append(Point(9))
    assert person.points == [Point(1), Point(2, 3)]
    person.points.append(Point(8))
    assert person.points == [Point(1), Point(2, 3)]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", 5, r"people\['p1'\]\.name takes str, not 5 \(int\)"),
        ("age", True, r"people\['p1'\]\.age takes int, not True \(bool\)"),
        ("age", "3", r"takes int, not '3' \(str\)"),
        ("nick", b"x", r"takes str \| None, not b'x' \(bytes\)"),
        ("points", [Point("a")], r"Expected `int`, got `str`"),  # type: ignore[arg-type]
        ("age", 1 << 70, "p1"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(field: str, value: Any, said: str):
    person = people()["p1"]
    with pytest.raises(BadValue, match=said):
        setattr(person, field, value)
    assert person.to_dict() == people()["p1"].to_dict()


def test_a_misspelt_field_is_an_error():
    with pytest.raises(AttributeError):
        people()["p1"].nmae = "Ann"  # type: ignore[attr-defined]


def test_documents_nest():
    person = people()["p1"]
    person.home.street = "Elm"
    person.work = {"street": "Oak"}
    person.work.visits += 2
    assert person.home.to_dict() == {"street": "Elm", "visits": 0}
    assert person.work == {"street": "Oak", "visits": 2}
    person.home.delete()
    assert person.home.street is None
    with pytest.raises(BadValue, match="assign its fields"):
        person.work = "Oak"


def test_a_document_is_a_handle_that_is_equal_by_value_and_shows_it():
    docs = people()
    docs["p1"].name = docs["p2"].name = "Ann"
    assert docs["p1"] == docs["p2"]
    docs["p2"].age = 4
    assert docs["p1"] != docs["p2"]
    assert repr(docs["p1"]).startswith("Person('p1', name='Ann', age=0, ")
    with pytest.raises(TypeError):
        hash(docs["p1"])
    with pytest.raises(BadValue, match="read from its collection"):
        Person("p1", "x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("namespace", "said"),
    [
        ({"title": str}, r"Note.title is a bare type; declare title = Register\(str\)"),
        ({"title": list[str]}, r"bare type"),
        ({"title": Register}, r"Note.title is a class; call it"),
        ({"__annotations__": {"title": str}}, r"Note.title: str is only annotated"),
        ({"history": Register(str)}, r"every document has 'history' already"),
        ({"_title": Register(str)}, r"underscore"),
        ({"a": Register(str), "b": Register(str, alias="a")}, r"both stored as 'a'"),
        ({"a": Map(str)}, r"Map\(\) takes a field"),  # type: ignore[arg-type]
        ({"a": Register(str, default=3)}, r"Note.a: default takes str, not 3"),
    ],
)
def test_a_class_that_would_not_work_is_refused_with_what_to_change(
    namespace: dict[str, Any], said: str
):
    with pytest.raises(BadDocument, match=said):
        declare(**namespace)


def test_a_type_that_cannot_be_stored_is_refused():
    with pytest.raises(BadDocument, match="cannot hold object"):
        Register(object)
    with pytest.raises(BadDocument, match="with the parentheses"):
        Register(str, resolve=Ask)  # type: ignore[call-overload]


def test_one_field_object_is_one_field():
    shared = Counter()
    with pytest.raises(BadDocument, match="same object"):
        declare(a=shared, b=shared)


def test_subclasses_inherit_fields():
    class Pupil(Person):
        marks = Map(Register(int))

    pupil = Documents(FakeReplica(1), Pupil)["p"]
    pupil.name = "Bo"
    pupil.marks["maths"] = 1
    assert pupil.to_dict()["marks"] == {"maths": 1}
    assert list(Pupil.fields)[-1] == "marks"
    assert "marks" not in Person.fields


def test_a_renamed_field_reads_what_the_old_one_held():
    class Old(Document):
        headline = Register(str)
        hits = Counter()

    class New(Document):
        title = Register(str, alias="headline")
        visits = Counter(alias="hits")

    replica = FakeReplica(1)
    old, new = Documents(replica, Old)["n"], Documents(replica, New)["n"]
    old.headline = "a"
    old.hits += 3
    new.visits += 1
    assert (new.title, int(new.visits), int(old.hits)) == ("a", 4, 4)
    new.title = "b"
    assert (new.title, old.headline) == ("b", "a")


def test_a_collection_is_a_mapping_that_never_raises_key_error():
    docs = people()
    assert "a" not in docs
    assert docs["a"].name is None
    assert len(docs) == 0
    for key in ("b", "a", "c"):
        docs[key].name = key.upper()
    assert list(docs) == ["a", "b", "c"]
    assert list(docs.keys("b", "c")) == ["b"]
    assert [(key, person.name) for key, person in docs.items("b")] == [("b", "B"), ("c", "C")]
    del docs["b"]
    del docs["b"]
    assert list(docs) == ["a", "c"]
    assert docs["b"].name is None
    docs["b"].age = 3
    assert docs["b"].name is None
    docs["d"] = {"name": "D", "age": 4}
    assert docs["d"].age == 4


@pytest.mark.parametrize("key", ["", 5, None, "x" * 5000, "\ud800"])
def test_a_key_is_a_text(key: Any):
    with pytest.raises(BadKey):
        people()[key]


def test_a_class_is_needed_that_is_a_document():
    with pytest.raises(BadDocument, match="is no document class"):
        Documents(FakeReplica(1), dict)  # type: ignore[type-var]
    assert AddWinsSet(str).tag == "aw"
