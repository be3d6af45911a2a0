"""Who follows chosen collections only, as the control line has it."""

from test_log_view import A1, A2, log_of

from plait.line.replication.messages import Append
from plait.line.replication.sender import HEARTBEAT_S, SendAppend, Sender
from plait.types.commands import SetChoice
from plait.types.control import ControlMachine
from plait.types.control_choices import CHOSEN_MAX, choices
from plait.types.fold import Failed, Stamp
from tests.fakes import DictView


def applied(view: DictView, node: str, names: tuple[str, ...] | None) -> Failed | None:
    return ControlMachine().apply(view, Stamp(0, 0, 0, 0), SetChoice(node, names))


def test_a_choice_is_kept_in_order_until_it_is_taken_back() -> None:
    view = DictView()
    assert applied(view, "n4", ("people", "orders", "people")) is None
    assert applied(view, "n5", ()) is None
    assert choices(view) == {"n4": ("orders", "people"), "n5": ()}
    assert applied(view, "n4", None) is None
    assert choices(view) == {"n5": ()}


def test_names_that_nothing_can_have_and_too_many_are_refused() -> None:
    view = DictView()
    assert applied(view, "n/4", ("people",)) is not None
    assert applied(view, "n4", ("",)) is not None
    many = tuple(f"c{n}" for n in range(CHOSEN_MAX + 1))
    assert applied(view, "n4", many) is not None
    assert choices(view) == {}


def parked_sender() -> Sender:
    sender = Sender("line", A2, log_of(A1, A1, A2), ("b", "c"), 0.0)
    sender.set_learners(("b",))
    sender.park(("b", "c"))
    return sender


def peers(effects: list[object]) -> dict[str, Append]:
    return {one.peer: one.message for one in effects if isinstance(one, SendAppend)}


def test_who_does_not_follow_a_line_is_sent_nothing_and_a_voter_everything() -> None:
    sender = parked_sender()
    assert set(peers([*sender.pump(0.0)])) == {"c"}
    assert set(peers([*sender.timer(10.0)])) == {"c"}
    assert 10.0 < sender.deadline <= 10.0 + HEARTBEAT_S  # it does not wait for who is parked
    assert set(peers([*sender.begin_round(11.0)])) <= {"c"}


def test_who_follows_a_line_again_is_asked_where_it_stands() -> None:
    sender = parked_sender()
    sender.pump(0.0)
    sender.park(())
    assert peers([*sender.pump(1.0)])["b"].entries == ()
