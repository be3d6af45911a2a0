"""Which pages a node's HTTP door lets in: those of the cluster's doors, as far as known."""

from typing import Any, cast

from plait.api.store import Store
from plait.cli.doors import _Origins


def status(**doors: str | None) -> dict[str, dict[str, Any]]:
    return {
        name: {"error": "no answer"} if door is None else {"doors": {"http": door} if door else {}}
        for name, door in doors.items()
    }


def test_pages_of_a_node_that_does_not_answer_are_let_in_and_of_one_that_left_not() -> None:
    origins = _Origins(cast(Store, None))
    origins.heard(status(n1="http://127.0.0.1:1", n2="http://10.0.0.2:1", n3=""))
    everybody = {"http://127.0.0.1:1", "http://localhost:1", "http://10.0.0.2:1"}
    assert set(origins()) == everybody
    origins.heard(status(n1="http://127.0.0.1:1", n2=None, n3=None))
    assert set(origins()) == everybody
    origins.heard(status(n1="http://127.0.0.1:1", n2="http://10.0.0.2:7", n3=None))
    assert "http://10.0.0.2:7" in origins()
    assert "http://10.0.0.2:1" not in origins()
    origins.heard(status(n1="", n3=None))
    assert set(origins()) == set()
