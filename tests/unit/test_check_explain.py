from plait.check import check_history, from_events
from plait.check.diagram import WIDTH_MAX, draw
from plait.check.explain import SHOWN_MAX, label

STALE = [
    {"process": 0, "type": "invoke", "f": "write", "value": 1},
    {"process": 0, "type": "ok", "f": "write", "value": 1},
    {"process": 0, "type": "invoke", "f": "write", "value": 2},
    {"process": 1, "type": "invoke", "f": "read"},
    {"process": 0, "type": "ok", "f": "write", "value": 2},
    {"process": 1, "type": "ok", "f": "read", "value": 2},
    {"process": 2, "type": "invoke", "f": "read"},
    {"process": 2, "type": "ok", "f": "read", "value": 1},
]


def test_a_counterexample_shows_who_saw_what_and_why_no_order_works():
    text = check_history(STALE).explain()
    assert "0  ├─write 1─┤├─write 2─┤" in text
    assert "2                        ├─read → 1─┤" in text
    assert "the value is 2; only [2] read → 1 can come next, and contradicts that" in text
    assert "read → 2" not in text  # it does not matter
    assert "(1 more operation left out" in text


def test_a_bar_that_never_ended_runs_to_the_edge():
    events = [{"process": 5, "type": "invoke", "f": "write", "value": 1}]
    (operation,) = from_events(events).operations
    assert draw([(operation, label(operation))]) == ["5  ├─write 1─┈"]


def test_what_is_too_wide_for_bars_is_listed():
    events = []
    for number in range(WIDTH_MAX // 10):
        events.append({"process": 0, "type": "invoke", "f": "write", "value": number})
        events.append({"process": 0, "type": "ok", "f": "write", "value": number})
    operations = from_events(events).operations
    lines = draw([(operation, label(operation)) for operation in operations])
    assert len(lines) == len(events)
    assert lines[0] == "[0] begins  write 0"


def test_what_the_core_saw_is_shown_with_those_who_may_have_made_it():
    events = [
        {"process": 0, "type": "invoke", "f": "write", "value": 1},
        {"process": 0, "type": "info", "f": "write"},
        *STALE[2:4],
        *STALE[4:6],
        {"process": 1, "type": "invoke", "f": "read"},
        {"process": 1, "type": "ok", "f": "read", "value": 1},
        {"process": 1, "type": "invoke", "f": "read"},
        {"process": 1, "type": "ok", "f": "read", "value": 2},
    ]
    found = check_history(events).counterexample
    assert found is not None
    assert [label(o) for o in found.operations] == ["write 1", "write 2", "read → 1", "read → 2"]
    assert [o.definite for o in found.operations] == [False, True, True, True]


def test_labels_tell_nothing_from_something():
    events = [
        {"process": 0, "type": "invoke", "f": "cas", "value": [None, "a"]},
        {"process": 0, "type": "fail", "f": "cas", "refused": True},
        {"process": 0, "type": "invoke", "f": "read"},
        {"process": 0, "type": "ok", "f": "read", "value": None},
        {"process": 0, "type": "invoke", "f": "write", "value": "x" * 100},
    ]
    labels = [label(operation) for operation in from_events(events).operations]
    assert labels[:2] == ['cas null→"a" refused', "read → null"]
    assert len(labels[2]) == 40


def test_a_core_that_could_not_be_made_small_is_shown_in_part():
    from plait.check.explain import describe
    from plait.check.models import Part, Register

    events = []
    for number in range(3 * SHOWN_MAX):
        events.append({"process": 0, "type": "invoke", "f": "write", "value": number})
        events.append({"process": 0, "type": "ok", "f": "write", "value": number})
    operations = from_events(events).operations
    found = describe(Part("", Register(), operations), operations, operations)
    assert len(found.operations) == SHOWN_MAX
    assert "no time to find fewer" in found.reasons[0]
