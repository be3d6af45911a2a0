"""The pure parts of the NATS engine: names, messages, counting, bookmarks, settings."""

import random
import sys

import pytest

pytest.importorskip("nats", reason='NOT TESTED: no nats-py; get it with: pip install "plait[nats]"')

from plait.base.errors import BadSettings, Corrupt
from plait.engines import sharing
from plait.engines.nats.address import parse_address
from plait.engines.nats.bookmarks import Bookmarks
from plait.engines.nats.message import Message, decode_message, encode_message
from plait.engines.nats.naming import Names
from plait.engines.nats.prefix import HIDDEN_MAX, Gap, Mark, Prefix
from plait.engines.nats.settings import findings, metadata, origin_of, refuse, stream_config
from plait.host.clock import SystemClock
from plait.line.entry import Entry, Epoch, Kind
from plait.line.loglet import Origin

ORIGIN = Origin(100, 4, 1000)


# ----------------------------------------------------------------------------- addresses, names


def test_an_address_shows_no_secrets() -> None:
    address = parse_address("nats+tls://me:s%40cret@one:1,two,[::1]:3,[::2]")
    assert address.hosts == ("one:1", "two:4222", "[::1]:3", "[::2]:4222")
    assert (address.user, address.password, address.tls) == ("me", "s@cret", True)
    assert address.public == "nats+tls://one:1,two:4222,[::1]:3,[::2]:4222"
    assert "cret" not in f"{address!r} {address} {list(address.__rich_repr__())}"
    assert address.server(5) == "tls://two:4222"


@pytest.mark.parametrize(
    "url",
    ["nats://", "nats:x:hush", "http://x:hush@y", "nats://:hush@y", "nats://u:hush@y:z",
     "nats://u:hush@y/path", "nats://u:hush@y:70000", "nats://u:hush@a,,b", "nats://u:hush@"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(BadSettings) as caught:
        parse_address(url)
    assert "hush" not in str(caught.value)


def test_names_are_apart_whatever_is_in_them() -> None:
    parts = ["a", "A", "-", "a-log-b", "a.b", "a b", "*", ">", "=2d", "log", "registers", "ü", "_"]
    pairs = [(namespace, name) for namespace in parts for name in parts]
    streams = {Names(namespace).log(name) for namespace, name in pairs}
    subjects = {Names(namespace).log_subject(name, "0") for namespace, name in pairs}
    assert len(streams) == len(subjects) == len(pairs)
    for name in streams | subjects:
        assert not set(name) & set(" *>\t/\\")
        assert name.isascii()
    for namespace in parts:
        names = Names(namespace)
        assert names.copies not in streams
        assert names.registers not in streams


@pytest.mark.parametrize("name", ["", "x" * 200, "ü" * 40])
def test_a_name_that_no_stream_can_have_is_refused(name: str) -> None:
    with pytest.raises(BadSettings):
        Names("space").log(name)


async def test_an_unknown_scheme_and_a_missing_client_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, chance = SystemClock(), random.Random()
    for url in ("redis://x:hush@y", "nats", "://"):
        with pytest.raises(BadSettings, match="nats://") as caught:
            await sharing.connect(url, "space", clock, chance)
        assert "hush" not in str(caught.value)
    for module in [each for each in sys.modules if each.startswith("plait.engines.nats")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(BadSettings, match=r'pip install "plait\[nats\]"'):
        await sharing.connect("nats://x", "space", clock, chance)


# ----------------------------------------------------------------------------- messages


def test_a_message_comes_back_as_it_was() -> None:
    message = Message(2**64 - 1, 7, Entry(b"payload", 3, Kind.DATA, 12345))
    assert decode_message(encode_message(message), 1) == message


def test_a_damaged_message_is_corrupt_whatever_is_damaged() -> None:
    data = encode_message(Message(1, 2, Entry(b"payload")))
    chance = random.Random(1)
    damaged = [data[:length] for length in range(len(data))]
    damaged += [data + b"x", chance.randbytes(200), b""]
    for index in range(len(data)):
        one = bytearray(data)
        one[index] ^= 1 << chance.randrange(8)
        damaged.append(bytes(one))
    for each in damaged:
        with pytest.raises(Corrupt, match="message 9 ") as caught:
            decode_message(each, 9)
        assert caught.value.details["sequence"] == 9


# ----------------------------------------------------------------------------- counting


def sent(entry: Entry) -> bytes:
    return encode_message(Message(1, 1, entry))


DATA, BARRIER = sent(Entry(b"d", 3)), sent(Entry(b"", 0, Kind.EPOCH))
SEAL = sent(Entry(b"", 0, Kind.SEAL))


def test_positions_epochs_and_records_count_on_from_the_origin() -> None:
    prefix = Prefix(ORIGIN, Mark(100, 1000))
    for number in range(3):
        message = prefix.take(number + 1, DATA)
        assert message is not None
        assert message.entry.epoch == Epoch(5, "")
        assert message.entry.record_index == 1000 + 3 * number
    assert (prefix.next, prefix.records, prefix.committed) == (103, 1009, 103)
    assert prefix.take(2, DATA) is None  # taken before
    assert prefix.sequence(103) == 4
    assert prefix.position(4) == 103


def test_a_gap_is_never_jumped() -> None:
    prefix = Prefix(ORIGIN, Mark(100, 1000))
    with pytest.raises(Gap):
        prefix.take(2, DATA)
    assert prefix.next == 100
    prefix.skip(Mark(150, 1234))
    prefix.skip(Mark(120, 1100))
    assert (prefix.next, prefix.committed, prefix.records) == (150, 150, 1234)
    assert prefix.take(51, DATA) is not None


def test_barriers_are_hidden_until_something_stands_behind_them() -> None:
    prefix = Prefix(ORIGIN, Mark(100, 1000))
    for sequence, data, committed in [
        (1, DATA, 101), (2, BARRIER, 101), (3, BARRIER, 101), (4, DATA, 104), (5, BARRIER, 104),
    ]:  # fmt: skip
        prefix.take(sequence, data)
        assert prefix.committed == committed
    for sequence in range(6, 6 + HIDDEN_MAX):
        prefix.take(sequence, BARRIER)
    assert prefix.committed > 104


def test_the_first_seal_ends_the_log() -> None:
    prefix = Prefix(ORIGIN, Mark(100, 1000))
    for sequence, data in enumerate([DATA, BARRIER, SEAL], 1):
        assert prefix.take(sequence, data) is not None
    assert prefix.seal_at == prefix.committed == 102
    for sequence, data in enumerate([DATA, SEAL, b"noise"], 4):
        assert prefix.take(sequence, data) is None
    assert prefix.seal_at == prefix.committed == 102


def test_bookmarks_are_few_and_never_beyond_what_is_asked() -> None:
    bookmarks = Bookmarks(count_max=16)
    bookmarks.trim(Mark(0, 0))
    for position in range(1, 100_000):
        bookmarks.passed(Mark(position, 2 * position))
    assert len(bookmarks) <= 16
    for position in (0, 1, 5_000, 50_000, 99_999):
        mark = bookmarks.before(position)
        assert mark.position <= position
        assert mark.records == 2 * mark.position
        assert position - mark.position <= 2 * bookmarks.stride
    bookmarks.read_to(Mark(777, 1554))
    assert bookmarks.before(778) == Mark(777, 1554)
    assert bookmarks.before(776) == Mark(0, 0)
    bookmarks.trim(Mark(60_000, 120_000))
    assert bookmarks.before(60_000) == Mark(60_000, 120_000)


# ----------------------------------------------------------------------------- settings


def test_every_wrong_field_is_in_one_error_with_its_remedy() -> None:
    wanted = stream_config("s", "x")
    config = wanted | {"max_age": 5, "discard": "old", "num_replicas": 2}
    found = findings(wanted, {"config": config, "cluster": {"name": "c"}})
    with pytest.raises(BadSettings) as caught:
        refuse(found)
    for words in ("max_age is 5", "max-age=0", "discard is 'old'", "num_replicas is 2", "stream s"):
        assert words in str(caught.value)
    assert findings(wanted, {"config": wanted}) == []


def test_an_origin_is_read_back_from_a_stream() -> None:
    info = {"config": {"name": "s", "metadata": metadata(ORIGIN, "abc") | {"_nats.ver": "2"}}}
    assert origin_of(info) == (ORIGIN, "abc")
    for told in (None, {}, {"plait.origin": "1,2"}, {"plait.origin": "a,b,c"}):
        with pytest.raises(BadSettings, match="not made by Plait"):
            origin_of({"config": {"name": "s", "metadata": told}})
