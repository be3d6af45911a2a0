"""Wrong clocks are held, refused events are undone, and who was retired comes back whole."""

import asyncio

import pytest
from dot_ledger import Note
from graph_replicas import Wire, opened, same, title, until

from plait.base.errors import ClockWrong
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from tests.paper.people import People

# --------------------------------------------------------------------------- clocks


async def test_a_stream_from_ten_minutes_ahead_is_held_relayed_and_accepted_or_reached():
    """Held here and at whoever hears of it through here, outside the vector, across a restart."""
    people = People(Note, "auto")
    bad, hub, tip = await people.come("bad", "hub", "tip")
    replicas = people.replicas
    people.clocks[0].ahead_ms = 600_000
    bad["n"].title = "from the future"
    bad["n"].likes += 5
    await replicas[0].flush()
    wires = [Wire(replicas[1], replicas[2]), Wire(replicas[0], replicas[1])]
    held = [lambda one=one: one.status()["quarantined_batches"] > 0 for one in replicas[1:]]
    await until(lambda: all(holds() for holds in held))  # relayed to who is not linked with it
    assert [docs["n"].likes for docs in (hub, tip)] == [0, 0]
    assert all(dict(one.vector).get(replicas[0].replica, 0) <= 3 for one in replicas[1:])
    witness = Wire(replicas[0], replicas[2])  # two others say otherwise
    await until(lambda: replicas[0].status()["clock"] is not None)
    with pytest.raises(ClockWrong, match="more than a minute behind"):
        bad["n"].likes += 1
    witness.cut()
    assert bad["n"].likes == 5  # what was written stays written
    hub["n"].title = "meanwhile"  # and does not move the others' clocks
    await until(lambda: tip["n"].title == "meanwhile")
    assert abs(replicas[2].parts.scope.clock.last - replicas[1].parts.scope.clock.last) < (
        60_000 << 16
    )
    wires.pop().cut()
    replicas[1].syncing.accept(replicas[0].replica)
    assert hub["n"] == {"title": "from the future", "likes": 5}
    assert tip["n"].likes == 0  # everybody accepts for themselves
    people.clocks[2].ahead_ms = 600_000  # ten minutes later
    await until(lambda: tip["n"] == {"title": "from the future", "likes": 5})
    wires.pop().cut()
    await people.leave()


async def test_what_is_in_quarantine_survives_a_restart():
    people = People(Note, "auto")
    (bad,) = await people.come("bad")
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    one = await opened(storage, "one", founds=False)
    wire = Wire(people.replicas[0], one)
    await until(lambda: one.parts.scope.writable)
    await same(people.replicas[0], one)
    wire.cut()
    people.clocks[0].ahead_ms = 600_000
    bad["n"].title = "from the future"
    wire = Wire(people.replicas[0], one)
    await until(lambda: one.status()["quarantined_batches"] == 1)
    await one.flush()
    wire.cut()
    storage.crash()
    one.flusher.halt()
    again = await opened(MemoryStorage(disk), "one", founds=False)
    assert again.status()["quarantined_batches"] == 1
    assert title(again, "n") is None
    again.syncing.accept(people.replicas[0].replica)
    assert title(again, "n") == "from the future"
    await again.flush()
    await again.close()
    await people.leave()


# --------------------------------------------------------------------------- refusals, membership


async def test_a_refused_event_is_undone_everywhere_and_its_author_reads_why():
    people = People(Note, "ops")
    ann, bob, cem = await people.come("ann", "bob", "cem")
    ann["n"].title = "fine"
    await people.meet()
    people.replicas[1].settle()
    seq = people.replicas[1].parts.scope.next_seq
    bob["n"].title = "not allowed"
    bob["n"].likes += 1
    await people.meet()
    assert cem["n"].title == "not allowed"
    owner = people.replicas[0]
    owner.say((owner.parts.scope.void((people.replicas[1].replica, seq), "no rights"),))
    await people.meet()
    for docs in (ann, bob, cem):
        assert docs["n"] == {"title": "fine", "likes": 1}  # only that event
    assert any("no rights" in notice for notice in people.replicas[1].status()["notices"])
    await people.leave()


async def test_who_was_retired_for_its_silence_comes_back_and_nothing_of_it_is_lost():
    people = People(Note, "auto")
    ann, bob = await people.come("ann", "bob")
    mine, theirs = people.replicas
    ann["n"].title = "base"
    ann["n"].likes += 1
    ann["other"].title = "base"
    await people.meet()
    gone = theirs.replica
    bob["n"].likes += 10
    bob["n"].title = "of the silent one"
    bob["other"].title = "early"
    bob["mine"].title = "new"
    await asyncio.sleep(0.005)
    ann["n"].likes += 100
    ann["other"].title = "late"
    mine.say((mine.parts.scope.retire(gone),))
    await mine.flush()
    assert gone not in mine.parts.scope.members.remaining()
    wire = Wire(mine, theirs)
    await until(lambda: theirs.replica != gone and theirs.parts.scope.writable)
    await until(lambda: ann["n"].likes == 111)
    await same(mine, theirs)
    wire.cut()
    for docs in (ann, bob):
        assert docs["n"] == {"title": "of the silent one", "likes": 111}
        assert docs["mine"].title == "new"
        assert docs["other"].title == "late"  # written later, by somebody who had not seen "early"
    assert any("early" in notice for notice in theirs.status()["notices"])  # for people
    assert gone not in theirs.parts.scope.members.remaining()
    ann["n"].likes += 1
    bob["n"].likes += 1
    await people.meet()
    assert ann["n"].likes == bob["n"].likes == 113
    await people.leave()
