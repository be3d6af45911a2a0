"""What a node makes of the rights that its control line holds."""

from types import SimpleNamespace

import pytest

from plait.base.errors import Corrupt
from plait.node.rights import Rights
from plait.types.control import ControlMachine
from plait.types.fold import Stamp
from plait.types.rights_commands import PutUser, SwitchRights


class View:
    def __init__(self):
        self.rows = {}
        self.fails = False

    def get(self, space, key):
        if self.fails:
            raise Corrupt("the disk says nothing")
        return self.rows.get((space, key))

    def put(self, space, key, value):
        self.rows[space, key] = value

    def scan(self, space, start, stop, limit):
        keys = sorted(k for s, k in self.rows if s == space and start <= k < stop)
        return [(k, self.rows[space, k]) for k in keys if self.rows[space, k]][:limit]


def test_rights_that_could_not_be_read_once_are_read_again():
    view = View()
    machine = ControlMachine()
    for command in (PutUser("root", ("admin",)), SwitchRights(True)):
        assert machine.apply(view, Stamp(0, 0, 0, 0, 0), command) is None
    replica = SimpleNamespace(applied=2, view=view)
    rights = Rights(SimpleNamespace(control=SimpleNamespace(replica=replica)))
    view.fails = True
    with pytest.raises(Corrupt):
        assert rights.on
    view.fails = False
    assert rights.on
