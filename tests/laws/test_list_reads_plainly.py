"""Lists keep every law, and read what a plain reading of their history says.

LAWS_SEEDS=a:b in the environment runs other schedules than the usual ones (campaigns).
"""

from plait.check.laws import check_type
from plait.types.plain import given
from tests.laws.reference_list import PlainList
from tests.laws.test_laws_of_types import explained, seeds


def test_a_list_reads_what_a_plain_reading_of_its_history_says():
    report = check_type(PlainList(), seeds(120))
    assert not report.broken, explained(report)
    assert report.counts["the value is what the specification says"] > 500


class KeepsTheFirst(PlainList):
    """Wrong: of two moves of one element it shows the first."""

    def value(self, state):
        items = state.items
        first = {id_: min(known.slots) for id_, known in items.known.items() if known.slots}
        return [
            given(items.known[slot.element].value)
            for slot in items.slots
            if first[slot.element] == slot
        ]


def test_the_plain_reading_sees_through_a_list_that_shows_the_wrong_slot():
    report = check_type(KeepsTheFirst(), seeds(300))
    assert report.broken
    assert report.broken.law == "the value is what the specification says"
