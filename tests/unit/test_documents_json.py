"""Free-form documents and fields."""

import pytest

from plait.api.documents import Document, Documents, Json, JsonDocument
from plait.base.errors import BadValue
from tests.unit.graph_fake import FakeReplica, meet, pair


def free() -> Documents[JsonDocument]:
    return Documents(FakeReplica(1))  # type: ignore[return-value]


def test_what_is_needed_is_made_on_the_way():
    docs = free()
    docs["k"]["a"]["b"] = 1
    assert docs["k"] == {"a": {"b": 1}}
    assert docs["k"]["a"]["b"] == 1
    assert "z" not in docs["k"]
    assert docs["k"].get("z") is None
    assert docs["k"]["z"] == {}
    assert repr(docs["k"]) == "JsonDocument('k', {'a': {'b': 1}})"


def test_nested_values_are_assigned_and_read_as_plain_ones():
    docs = free()
    value = {"a": {"b": [1, {"c": None}], "e": {}}, "x": 1.5, "": b"y"}
    docs["k"] = value
    assert docs["k"].to_dict() == value
    assert docs.to_dict() == {"k": value}
    docs["k"] = {"x": 2}
    assert docs["k"].to_dict() == {"x": 2}
    docs["k"]["x"] = {"y": 1}
    assert docs["k"].to_dict() == {"x": {"y": 1}}
    docs["k"]["x"] = 3
    assert docs["k"].to_dict() == {"x": 3}


def test_maps_are_mappings():
    doc = free()["k"]
    doc.update(a=1, b={"c": 2})
    assert list(doc) == ["a", "b"]
    assert dict(doc.items())["b"] == {"c": 2}
    assert doc.pop("b") == {"c": 2}
    assert doc.setdefault("l", []) == []
    assert len(doc) == 2
    del doc["a"]
    with pytest.raises(KeyError):
        del doc["a"]
    with pytest.raises(KeyError):
        doc.pop("a")
    doc.clear()
    assert doc.to_dict() == {}


def test_a_map_that_was_assigned_stays_when_its_last_key_goes():
    doc = free()["k"]
    doc["a"] = {"b": 1}
    del doc["a"]["b"]
    assert doc.to_dict() == {"a": {}}


def test_a_value_that_cannot_be_stored_changes_nothing():
    doc = free()["k"]
    doc["a"] = {"x": 1}
    for value in ({"b": {"c": object()}}, {"b": {5: 1}}):
        with pytest.raises(BadValue):
            doc["a"] = value
    with pytest.raises(BadValue, match="keys of a map are str"):
        doc[5] = 1  # type: ignore[index]
    deep: dict[str, object] = {}
    for _ in range(80):
        deep = {"d": deep}
    with pytest.raises(BadValue, match="deep"):
        doc["a"] = deep
    assert doc.to_dict() == {"a": {"x": 1}}


def test_changes_in_different_places_are_all_kept():
    ann, bob = pair()
    mine, theirs = Documents(ann)["k"], Documents(bob)["k"]
    mine["a"] = {"x": 1, "y": 1}  # type: ignore[index]
    meet(ann, bob)
    mine["a"]["x"] = 2  # type: ignore[index]
    theirs["a"]["y"] = 3  # type: ignore[index]
    theirs["b"] = True  # type: ignore[index]
    meet(ann, bob)
    assert mine.to_dict() == theirs.to_dict() == {"a": {"x": 2, "y": 3}, "b": True}


def test_a_json_field_is_a_map_of_anything():
    class Note(Document):
        data = Json()

    note = Documents(FakeReplica(1), Note)["n"]
    note.data["a"]["b"] = 1
    assert note.to_dict() == {"data": {"a": {"b": 1}}}
    note.data = {"c": {"d": 2}}
    assert note.data == {"c": {"d": 2}}
    note.data["c"] |= {"e": 3}
    assert note.data["c"].value == {"d": 2, "e": 3}
    with pytest.raises(BadValue, match="it cannot become 5"):
        note.data = 5  # type: ignore[assignment]
