"""Versions of records: when they are enabled, and who is refused."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from plait.base.codec import encode
from plait.base.errors import Unavailable, UnknownFormat, UnknownRecord, VersionMismatch
from plait.line.entry import Entry
from plait.line.membership import founding
from plait.node.peers import PeerHello, check_peer
from plait.node.versions import Versions
from plait.types.commands import Command, Enable, decode_payload, encode_group, encode_payload
from plait.types.control import ControlMachine
from plait.types.fold import Stamp
from tests.fakes import DictView, FakeClock, FakeLoglet
from tests.lines import entry, get, put, running


class FakeReplica:
    """A control line's state that is always current."""

    def __init__(self) -> None:
        self.view = DictView()
        self.applied = 1

    async def wait_applied(self, position: int, timeout: float | None = None) -> None:
        assert position <= self.applied


class FakeNode:
    """A node whose commands are applied at once, and whose neighbours answer as told."""

    def __init__(self, *members: str, leads: bool = True) -> None:
        self.name = "n1"
        self.clock = FakeClock()
        self.control_machine = ControlMachine()
        self.control: Any = SimpleNamespace(
            line="control", leads=leads, replica=FakeReplica(), opening=0
        )
        self.membership = founding(members)
        self.answers: dict[str, int] = {}  # what strangers read
        self.commands: list[Command] = []
        self.closed = 0

    def dial(self, peer: str, address: str, up: Any, down: Any) -> Any:
        if peer in self.answers:
            up(peer)
        return SimpleNamespace(reads=self.answers.get(peer, 1), refused=None, close=self._close)

    async def _close(self) -> None:
        self.closed += 1

    async def command(self, line: str, command: Command) -> Any:
        self.commands.append(command)
        stamp = Stamp(0, 0, 0, 0)
        assert self.control_machine.apply(self.control.replica.view, stamp, command) is None


async def test_a_version_is_enabled_once_every_node_reads_it() -> None:
    node = FakeNode("n1", "n2", "n3")
    versions = Versions(node, reads=3)
    versions.note("n2", 3)
    await versions.look()
    assert (versions.enabled, versions.allows(2)) == (1, False)  # nobody knows of n3
    versions.note("n3", 2)
    await versions.look()
    await versions.look()
    assert node.commands == [Enable(2)]
    assert (versions.allows(2), versions.allows(3)) == (True, False)
    versions.note("n3", 3)
    await versions.look()
    assert versions.enabled == 3


async def test_only_who_leads_and_knows_what_was_enabled_enables_anything() -> None:
    for node in (FakeNode("n1", leads=False), FakeNode("n1")):
        node.control.opening = 1
        await Versions(node).look()
        assert node.commands == []


async def test_a_node_that_reads_less_than_is_written_does_not_join() -> None:
    node = FakeNode("n1")
    versions = Versions(node, reads=2)
    await versions.look()
    node.answers = {"old": 1, "new": 2}
    with pytest.raises(VersionMismatch, match="upgrade old"):
        await versions.admit("old", "there:1", 1)
    await versions.admit("new", "there:2", 1)
    with pytest.raises(Unavailable, match="no connection"):
        await versions.admit("mute", "there:3", 0.01)
    assert node.closed == 3


async def test_who_is_being_taken_in_is_not_left_behind_by_what_is_being_enabled() -> None:
    node = FakeNode("n1")
    versions = Versions(node, reads=2)
    node.answers = {"old": 1}
    await versions.admit("old", "there:1", 1)  # nothing is enabled
    versions._enabling = 2  # as while its command is on its way
    with pytest.raises(VersionMismatch):
        await versions.admit("old", "there:1", 1)


async def test_a_program_that_is_too_old_for_its_folder_says_so() -> None:
    node = FakeNode("n1")
    await Versions(node, reads=2).look()
    with pytest.raises(UnknownFormat, match="upgrade"):
        Versions(node, reads=1).check_folder()


def test_a_member_with_an_older_program_is_refused_at_the_door() -> None:
    check_peer(PeerHello((1,), "c", "n2", reads=2), "c", (), 2)
    old = msgspec.convert([50, [1], "c", "n2", ""], PeerHello)  # what it does not say is 1
    with pytest.raises(VersionMismatch, match="upgrade n2"):
        check_peer(old, "c", (), 2)


def newer(*commands: Command) -> bytes:
    """A payload with a command of tomorrow behind those of today."""
    encoded = [encode(command) for command in commands] + [encode([99, "what?"])]
    return encode_payload([encode_group(0, 0, 0, encoded)])


def test_a_record_of_an_unknown_kind_is_told_from_a_corrupt_one() -> None:
    with pytest.raises(UnknownRecord, match="upgrade"):
        decode_payload(newer(put("a", 1)))
    with pytest.raises(msgspec.DecodeError):
        decode_payload(entry(put("a", 1)).payload[:-3])


async def test_a_line_with_an_unknown_record_stops_before_it_and_says_to_upgrade() -> None:
    loglet = FakeLoglet()
    loglet.add(entry(put("a", 1)))
    async with running(loglet) as replica:
        assert await get(replica, "a", after=1) == [1, 1]
        loglet.add(Entry(newer(put("a", 2)), 2))
        with pytest.raises(UnknownRecord, match="upgrade this node"):
            await replica.wait_applied(2, 5)
        assert replica.applied == 1
        await replica.flush()  # the other lines of its node go on
