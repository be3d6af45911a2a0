"""Who feeds whom, as the control line has it."""

import pytest

from plait.types.commands import SetSource
from plait.types.control import ControlMachine
from plait.types.control_sources import circle, sources
from plait.types.fold import Failed, Stamp
from tests.fakes import DictView


def applied(view: DictView, node: str, source: str) -> Failed | None:
    return ControlMachine().apply(view, Stamp(0, 0, 0, 0), SetSource(node, source))


def set_all(*pairs: tuple[str, str]) -> DictView:
    view = DictView()
    for node, source in pairs:
        assert applied(view, node, source) is None
    return view


def test_a_source_is_kept_until_it_is_taken_back() -> None:
    view = set_all(("n4", "n3"), ("n5", "n4"), ("n4", ""))
    assert sources(view) == {"n5": "n4"}


def test_the_last_source_counts() -> None:
    assert sources(set_all(("n4", "n3"), ("n4", "n2"))) == {"n4": "n2"}


@pytest.mark.parametrize(
    ("known", "node", "source"),
    [
        ([], "n4", "n4"),
        ([("n4", "n3")], "n3", "n4"),
        ([("n4", "n3"), ("n5", "n4"), ("n6", "n5")], "n3", "n6"),
    ],
)
def test_a_circle_is_refused_and_named(
    known: list[tuple[str, str]], node: str, source: str
) -> None:
    view = set_all(*known)
    failed = applied(view, node, source)
    assert failed is not None
    assert failed.code == "BadSettings"
    assert f"{node} from {source}" in failed.message
    assert sources(view) == dict(known)


def test_names_that_no_node_can_have_are_refused() -> None:
    for node, source in (("", "n3"), ("n 4", "n3"), ("n4", "n/3")):
        assert applied(DictView(), node, source) is not None


def test_a_circle_of_others_does_not_go_on_for_ever() -> None:
    assert circle({"a": "b", "b": "a"}, "c", "a") == []
