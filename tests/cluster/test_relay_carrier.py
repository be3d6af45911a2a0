"""Rounds through a log: stores converge in any order and at any pace, and the log stays short."""

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from folder_stores import FolderStore, agree

from plait.base.errors import Unavailable
from plait.host.shared_folder import Label, compose
from plait.line.entry import Entry, Kind
from plait.node import relay_carrier
from plait.node.folder_report import RoundReport
from plait.node.folder_sync import CarrierSync, Pace
from plait.node.relay_carrier import LOG, RelayCarrier
from plait.node.relay_records import Leaving, Put, encode_leaving
from plait.sim.twin import DelayWire, TwinEngine, TwinServer


class Relayed:
    """A store and its relay."""

    def __init__(self, store: FolderStore, server: TwinServer) -> None:
        self.store = store
        self.engine = TwinEngine(server, "twin://", "family")
        self.reached = True
        self.begin()

    def begin(self) -> None:
        """As after a start."""

        async def connect() -> TwinEngine:
            return self.engine

        self.relay = RelayCarrier(connect, self.store.random)
        self.sync = CarrierSync(self.store, self.relay, "relay/family/")

    async def round(self, pace: Pace = Pace.FULL) -> RoundReport:
        if self.relay._loglet is not None:
            await self.relay._loglet.check_tail()
        report = await self.sync.round(pace)
        if pace is not Pace.QUICK:
            await self.relay.tend()
        return report


@pytest.fixture
def server() -> TwinServer:
    return TwinServer(random.Random(1), delay_s=0.0)


@pytest.fixture
async def stores(tmp_path: Path, server: TwinServer) -> AsyncIterator[list[Relayed]]:
    """Three open stores; the first has founded the notes."""
    found = [await FolderStore(tmp_path / name, name).open() for name in ("ann", "bob", "cem")]
    await found[0].found()
    yield [Relayed(store, server) for store in found]
    for store in found:
        await store.close()


async def rounds(*stores: Relayed, count: int = 4) -> None:
    """Everybody in turn, so many times."""
    for _ in range(count):
        for store in stores:
            assert (await store.round()).wrong == []


def log_of(server: TwinServer) -> Callable[[], tuple[int, int]]:
    """How the log stands: its head and its tail."""
    log = server.logs[f"family/{LOG}"]
    return lambda: (log.head, log.tail.position)


async def test_stores_converge_in_any_order_and_at_any_pace(
    stores: list[Relayed], server: TwinServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_carrier, "DEAD_ENTRIES_MAX", 8)
    monkeypatch.setattr(relay_carrier, "DEAD_BYTES_MAX", 2000)
    monkeypatch.setattr(TwinEngine, "entry_bytes_max", relay_carrier.SPARE_BYTES + 200)
    added = 0
    for seed in range(2):
        chance = random.Random(seed)
        for _ in range(40):
            each = chance.choice(stores)
            store = each.store
            if chance.random() < 0.1:
                await each.relay.close()
                each.begin()
            if store.graphs.infos() and store.notes().status()["writable"]:
                store.put(f"k{chance.randrange(5)}", chance.randrange(100))
                store.add("count", 1)
                added += 1
            assert (await each.round(chance.choice(list(Pace)))).wrong == []
        await rounds(*stores)
        assert agree([each.store for each in stores])
    assert {each.store.total("count") for each in stores} == {added}
    head, tail = log_of(server)()
    assert head > 50
    assert tail - head < 80


async def test_a_store_that_was_away_gets_everything_from_a_log_that_was_trimmed(
    stores: list[Relayed], server: TwinServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_carrier, "DEAD_ENTRIES_MAX", 16)
    ann, bob, cem = stores
    await rounds(*stores)
    cem.store.add("n1", 5)  # and nobody hears of it yet
    _, tail = log_of(server)()
    for turn in range(90):
        ann.store.add(f"n{turn % 3}", 1)
        await ann.round(Pace.QUICK)
        await bob.round(Pace.QUICK)
        if turn % 10 == 0:
            await rounds(ann, bob, count=1)
    assert log_of(server)()[0] > tail
    await rounds(*stores)
    assert agree([each.store for each in stores])
    assert sum(ann.store.total(f"n{number}") for number in range(3)) == 95


async def test_what_everybody_has_is_removed_and_quiet_stores_append_nothing(
    stores: list[Relayed], server: TwinServer
) -> None:
    await rounds(*stores)
    for turn in range(20):
        stores[turn % 3].store.add("n1", 1)
        await rounds(*stores, count=1)
    await rounds(*stores, count=3)
    before = log_of(server)()
    await rounds(*stores, count=2)
    for pace in Pace:
        for each in stores:
            assert not (await each.round(pace)).moved
    assert log_of(server)() == before
    kinds = [file.label.kind for file in (await stores[0].relay.scan()).files]
    assert kinds == ["head"] * 3


async def test_a_live_edit_costs_a_batch_and_a_head_however_much_there_is(
    stores: list[Relayed], server: TwinServer
) -> None:
    ann, bob, _ = stores
    for number in range(200):
        ann.store.put(f"n{number}", "x" * 500)
    await rounds(ann, bob)
    log = await TwinEngine(server, "twin://", "family").open(LOG)
    start = (await log.check_tail()).position
    for turn in range(20):
        ann.store.put("n1", f"{turn}")
        await ann.round(Pace.QUICK)
        report = await bob.round(Pace.QUICK)
        assert report.collections[0].events_in == 1
    entries = await log.read(start, (await log.check_tail()).position)
    assert len(entries) == 20  # who only read has nothing to say that anybody waits for
    assert max(len(entry.payload) for entry in entries) < 1500


async def test_entries_that_are_none_are_named_and_stop_nothing(
    stores: list[Relayed], server: TwinServer
) -> None:
    ann, bob, _ = stores
    await rounds(ann, bob)
    log = await TwinEngine(server, "twin://", "family").open(LOG)
    await log.append(Entry(b"", 0, Kind.EPOCH))  # the engine's own
    at = await log.append(Entry(b"somebody else's"))
    report = await ann.round()
    assert len(report.wrong) == 1
    assert report.wrong[0].startswith(f"position {at}: not an entry of a relay")
    ann.store.add("n1", 1)
    for _ in range(3):
        for each in (ann, bob):
            assert len((await each.round()).wrong) == 1
    assert agree([ann.store, bob.store])
    await log.trim((await log.check_tail()).position)  # and with it everything that was left
    bob.store.add("n1", 1)
    await rounds(ann, bob)
    assert agree([ann.store, bob.store])
    assert ann.store.total("n1") == 2


async def test_a_round_that_the_engine_did_not_answer_is_made_good_by_the_next(
    stores: list[Relayed], server: TwinServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some requests are carried out although nobody says so."""
    ann = stores[0]
    await rounds(*stores)
    chance = random.Random(4)

    async def travel(wire: DelayWire) -> None:
        if chance.random() < 0.15:
            raise Unavailable("it does not answer")

    monkeypatch.setattr(DelayWire, "_travel", travel)
    failed = 0
    for turn in range(90):
        each = stores[turn % 3]
        each.store.add("n1", 1)
        try:
            await each.round(chance.choice(list(Pace)))
        except Unavailable:
            failed += 1
    assert failed > 10
    monkeypatch.undo()
    await rounds(*stores)
    assert agree([each.store for each in stores])
    assert ann.store.total("n1") == 90


@pytest.mark.parametrize("seed", range(2))
async def test_files_that_hold_anything_end_no_round(
    stores: list[Relayed], server: TwinServer, seed: int
) -> None:
    """Whole files with good checksums, whose heads and pieces nobody made. Who writes such things
    can claim what he likes, so only this is promised: each is refused, or taken for what it says.
    """
    ann, bob, _ = stores
    await rounds(ann, bob)
    ann.store.add("n1", 1)
    await ann.round(Pace.QUICK)
    chance = random.Random(seed)
    samples = [(f.label, await ann.relay.read(f)) for f in (await ann.relay.scan()).files]
    assert {label.kind for label, _ in samples} == {"head", "piece"}
    log = await TwinEngine(server, "twin://", "family").open(LOG)
    for number in range(150):
        label, body = chance.choice(samples)
        about = mutated(label.about, chance) if chance.random() < 0.5 else label.about
        strange = Label(f"{number % 7:016x}", number, f"{number:08x}", label.kind, about)
        data = compose(strange, mutated(body, chance))
        put = Put(strange, 0, 1, len(data), False, data)
        await log.append(Entry(encode_leaving(Leaving("fuzz", True, (put,)))))
    for pace in (*Pace, *Pace):
        for each in (ann, bob):
            report = await each.round(pace)
            assert pace is not Pace.FULL or report.wrong
    assert ann.store.total("n1") >= 1


def mutated(data: bytes, chance: random.Random) -> bytes:
    """With some bytes that are others, or cut short."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 3) if found else 0):
        found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found[: chance.randint(0, len(found))] if chance.random() < 0.2 else found)
