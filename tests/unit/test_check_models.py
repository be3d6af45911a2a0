"""What each model allows and forbids; for each a history that only it can tell is wrong."""

import pytest

from plait.check import ILLEGAL, BadHistory, Model, check_history


def history(*lines):
    """Events from lines like ``0 invoke write 1`` given as tuples."""
    events = []
    for process, kind, f, *value in lines:
        event = {"process": process, "type": kind, "f": f}
        if kind == "refused":
            event |= {"type": "fail", "refused": True}
        if value:
            event["value"] = value[0]
        events.append(event)
    return events


def one_by_one(*operations):
    """Operations of one process, one after the other; (f, argument) or (f, argument, result)."""
    lines = []
    for f, argument, *result in operations:
        lines += [(0, "invoke", f, argument), (0, "ok", f, *(result or [argument]))]
    return history(*lines)


GOOD = {
    "register": one_by_one(("read", None, None), ("write", 1), ("read", None, 1), ("delete", None),
                           ("get", None, None)),
    "cas-register": one_by_one(("write", 1), ("cas", [1, 2]), ("read", None, 2)),
    "kv": one_by_one(("get", None, ""), ("append", "a"), ("append", "b"), ("get", None, "ab"),
                     ("put", "c"), ("get", None, "c"), ("delete", None), ("get", None, None)),
    "queue": one_by_one(("dequeue", None, None), ("enqueue", 1), ("enqueue", 2),
                        ("dequeue", None, 1), ("dequeue", None, 2), ("dequeue", None, None)),
    "set": one_by_one(("add", 1), ("add", 1), ("contains", 1, True), ("read", None, [1]),
                      ("remove", 1), ("contains", 1, False), ("read", None, [])),
    "bank": one_by_one(("read", None, {"a": 5, "b": 0}), ("transfer", ["a", "b", 2]),
                       ("read", None, {"a": 3, "b": 2}), ("read", None, 5)),
}  # fmt: skip

BAD = {
    "register": one_by_one(("write", 1), ("write", 2), ("read", None, 1)),
    "cas-register": one_by_one(("write", 1), ("cas", [2, 3])),
    "kv": one_by_one(("append", "a"), ("append", "b"), ("get", None, "ba")),
    "queue": one_by_one(("enqueue", 1), ("enqueue", 2), ("dequeue", None, 2)),
    "set": one_by_one(("add", 1), ("contains", 1, False)),
    "bank": one_by_one(("read", None, {"a": 5, "b": 0}), ("transfer", ["a", "b", 2]),
                       ("read", None, {"a": 3, "b": 3})),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_model_allows_what_its_object_does(name):
    assert check_history(GOOD[name], name).linearizable
    assert check_history(GOOD[name]).linearizable


@pytest.mark.parametrize("name", BAD)
def test_a_model_forbids_what_its_object_cannot_do(name):
    verdict = check_history(BAD[name], name)
    assert verdict.linearizable is False
    assert not verdict
    assert "no order explains" in verdict.explain()


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("set", one_by_one(("add", 1), ("read", None, []))),
        ("set", one_by_one(("add", 1), ("read", None, [1, 2]))),
        ("queue", one_by_one(("enqueue", 1), ("dequeue", None, None))),
        ("queue", one_by_one(("enqueue", 1), ("dequeue", None, 1), ("dequeue", None, 1))),
        ("bank", one_by_one(("read", None, {"a": 1}), ("transfer", ["a", "b", 2]))),
        ("bank", one_by_one(("transfer", ["a", "b", 2]), ("transfer", ["b", "a", 2]),
                            ("transfer", ["a", "b", 3]), ("read", None, {"b": 9}),
                            ("transfer", ["a", "b", 1]))),
        ("bank", one_by_one(("transfer", ["a", "b", 2]), ("read", None, 10),
                            ("read", None, {"a": 4, "b": 5}))),
        ("kv", one_by_one(("append", 1), ("append", 2), ("get", None, [2, 1]))),
    ],
)  # fmt: skip
def test_other_things_that_cannot_be(name, events):
    assert check_history(events, name).linearizable is False


def test_a_refused_cas_has_seen_that_the_value_was_another():
    events = one_by_one(("write", 1))
    assert check_history([*events, *history((0, "invoke", "cas", [2, 3]), (0, "refused", "cas"))])
    events += history((0, "invoke", "cas", [1, 2]), (0, "refused", "cas"))
    assert check_history(events).linearizable is False


def test_a_lost_answer_explains_what_comes_later_and_only_that():
    lost = history((0, "invoke", "write", 1), (0, "info", "write"))
    late = history((0, "invoke", "read"), (0, "ok", "read", None), (0, "invoke", "read"),
                   (0, "ok", "read", 1))  # fmt: skip
    back = history((0, "invoke", "read"), (0, "ok", "read", None))
    assert check_history(lost + late)
    assert check_history(lost + late + back).linearizable is False
    assert check_history(late + lost).linearizable is False


def test_keys_are_judged_one_by_one_and_the_bad_one_is_named():
    def on(key, events):
        return [event | {"key": key} for event in events]

    verdict = check_history(on("good", GOOD["kv"]) + on("bad", BAD["kv"]), "kv")
    assert verdict.linearizable is False
    assert verdict.parts == 2
    assert verdict.counterexample is not None
    assert verdict.counterexample.part == 'key "bad"'


def test_an_overdraft_is_allowed_where_the_bank_allows_it():
    from plait.check.models import Bank

    events = one_by_one(("transfer", ["a", "b", 2]), ("read", None, {"a": -1, "b": 3}))
    assert check_history(events, Bank({"a": 1, "b": 1}, overdraft=True))
    assert check_history(events, Bank({"a": 1, "b": 1})).linearizable is False


def test_a_users_own_model_needs_four_things():
    class Counter(Model):
        name = "counter"
        functions = frozenset({"add", "read"})
        initial = 0

        def effect(self, operation):
            if operation.f == "add":
                return ("add", operation.argument)
            return ("read", operation.result) if operation.definite else None

        def step(self, state, effect):
            if effect[0] == "add":
                return state + effect[1]
            return state if state == effect[1] else ILLEGAL

    good = one_by_one(("add", 2), ("add", 3), ("read", None, 5))
    assert check_history(good, Counter())
    verdict = check_history(good + one_by_one(("read", None, 3)), Counter())
    assert verdict.linearizable is False
    assert "the state is 5; only [0] read → 3" in verdict.explain()


@pytest.mark.parametrize(
    ("name", "events", "says"),
    [
        ("register", one_by_one(("cas", [1, 2])), "no operation 'cas'"),
        ("cas-register", one_by_one(("cas", 1)), "expected, new"),
        ("register", history((0, "invoke", "read"), (0, "ok", "read")), "needs the value"),
        ("register", history((0, "invoke", "write"), (0, "ok", "write")), "was given"),
        ("queue", one_by_one(("enqueue", None)), "null cannot"),
        ("set", one_by_one(("read", None, 3)), "a list"),
        ("set", one_by_one(("contains", 1, 1)), "true or false"),
        ("bank", one_by_one(("transfer", 3)), "a transfer needs"),
        ("bank", one_by_one(("read", None, ["a"])), "balances by account"),
        (None, one_by_one(("explode", 1)), "no model has all of explode"),
        ("quux", one_by_one(("read", None, 1)), "no model 'quux'"),
    ],
)
def test_what_makes_no_sense_for_a_model_is_a_typed_error(name, events, says):
    with pytest.raises(BadHistory, match=says):
        check_history(events, name)


def test_a_time_limit_gives_unknown_and_never_a_guess():
    events = one_by_one(("read", None, {"a": 2**30, "b": 0}))
    # Everything is pending at once, and the last read cannot be explained: much to try.
    events += [
        {"process": p, "type": "invoke", "f": "transfer", "value": ["a", "b", 2**p]}
        for p in range(24)
    ]
    events += history((90, "invoke", "read"), (90, "ok", "read", {"a": 2**30 - 0.5, "b": 0.5}))
    ticks = iter(range(10**9))
    verdict = check_history(events, "bank", time_limit=50, clock=lambda: float(next(ticks)))
    assert verdict.linearizable is None
    assert "time limit" in verdict.explain()
    assert not verdict
