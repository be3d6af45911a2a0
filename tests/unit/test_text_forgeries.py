"""Texts as bytes that are torn, flipped, made up or of another version: an error says why."""

from random import Random

import pytest

from plait.base.codec import checksum, decode, encode
from plait.base.errors import Corrupt, StorageError, UnknownFormat
from plait.types.text.blocks import pack_block, unpack_block, varints
from plait.types.text.storage import MAGIC, load, save
from tests.unit.stored_texts import dotted, forged, happen, same, typed

# ----------------------------------------------------------------------------- bad bytes


def loads_the_same(data, state):
    """Whether it loads, as a state with the same text and history; a typed error is none."""
    try:
        loaded = load(data)
        loaded.thaw()
    except (Corrupt, UnknownFormat):
        return None
    return same(loaded, state)


@pytest.mark.parametrize("pages", [1, 3])
def test_truncated_or_flipped_bytes_never_load_as_something_else(pages):
    state = dotted((7, 1, {}, 0, "some text"), (8, 1, {}, 0, "beside"), (7, 2, {7: 1, 8: 1}, 0, 3))
    data = save(state)
    for seq in range(2, pages + 1):
        loaded = load(data)
        for each in (loaded, state):
            happen(each, 8, seq, {7: 2, 8: seq - 1}, 0, "later")
        data = save(loaded)
    assert len(decode(data[len(MAGIC) :])) == pages
    assert loads_the_same(data, state)
    for stop in range(len(data)):
        assert loads_the_same(data[:stop], state) is None
    for index in range(len(data)):
        for bit in range(8):
            wrong = bytearray(data)
            wrong[index] ^= 1 << bit
            assert loads_the_same(bytes(wrong), state) in (None, True)
    for extra in (b"\0", b"\xc0", data):
        assert loads_the_same(data + extra, state) is None


def test_pages_that_are_missing_or_in_another_order_are_found_out():
    data = save(typed((0, "one")))
    for _ in range(3):
        loaded = load(data)
        loaded.insert(0, "more")
        data = save(loaded)
    pages = decode(data[len(MAGIC) :])
    for wrong in (pages[1:], [pages[0], *pages[2:]], [pages[0], pages[2], pages[1]], [], pages * 2):
        with pytest.raises(Corrupt):
            load(MAGIC + encode(wrong))


FORGERIES = [
    {"length": 3},
    {"present": pack_block(b"\xff\xfe\xff\xff\xff\xff\xff")},
    {"present": b"\x07abc"},
    {"present": b"\x01\xff\xff\xff\xff\xff\xff\xff\x7f" + b"\0"},
    {"heads": [[0, 1]]},
    {"heads": [[5, 1]]},
    {"heads": []},
    {"units": 3},
    {"kept": 2},
    {"kept": 1 << 40},
    {"start": 5, "rooted": 7},
    {"form": 2},
    {"form": 9},
    {"derived": True},
    {"agent": None},
    {"names": [None]},
    {"names": [-1]},
    {"spans": b""},
    {"spans": b"\0" + varints([1, 1, 0, 2, 0, 4, 1])},
    {"spans": b"\0" + varints([1, 1, 9, 2, 1, 13, 1])},
    {"spans": b"\0" + varints([1, 1, 0, 2, 1, 1 << 60, 1])},
    {"spans": b"\0" + varints([1, 2, 0, 2, 1, 13, 2, 7])},
    {"spans": b"\0" + varints([1 << 50, 1, 0, 2, 1, 13, 1])},
    {"runs": b"\0" + varints([1, 13 * 3, 0, 0])},
    {"runs": b"\0" + varints([1, 13 * 3, 1])},
    {"runs": b"\0\x80"},
    {"runs": b"\0" + b"\xff" * 20},
    {"runs": b"\0" + varints([1, 13 * 3 + 2, 0])},
    {"contents": b""},
    {"contents": pack_block(b"abc")},
    {"rooted": 1},
]


@pytest.mark.parametrize("changes", FORGERIES, ids=map(str, range(len(FORGERIES))))
def test_what_no_text_saves_to_is_refused_at_the_latest_when_it_is_thawed(changes):
    state = dotted((7, 1, {}, 0, "text"), (8, 1, {}, 0, "beside"), (7, 2, {7: 1, 8: 1}, 0, 3))
    assert same(load(forged(state)), state), "the forger changes nothing by itself"
    with pytest.raises(StorageError):
        load(forged(state, **changes)).thaw()


@pytest.mark.parametrize(
    "tags", [[1 << 40, 4 * 3], [3 * (1 << 40) + 1, 4 * 3], [4 * 3, 2 * 3 + 1], [4 * 3 + 1, 4 * 3]]
)
def test_a_history_that_somebody_made_up_can_be_saved_again(tags):
    state = typed((0, "text"))
    units = sum(tag // 3 for tag in tags)
    runs = varints([len(tags), *tags, *(8 for _ in tags)])
    content = pack_block(b"x" * sum(tag // 3 for tag in tags if not tag % 3 and tag < 100))
    forger = {"runs": b"\0" + runs, "units": units, "kept": units, "heads": [[0, units]]}
    spans = b"\0" + varints([1, 1, 0, 2, 1, units, 1])
    try:
        loaded = load(forged(state, **forger, spans=spans, contents=content, derived=False))
        loaded.thaw()
    except Corrupt:
        assert tags[0] == 1 << 40, "only what was inserted is missing"
        return
    again = load(save(loaded))
    again.thaw()
    assert (again.text(), again.end) == ("text", units)


@pytest.mark.parametrize("seed", range(30))
def test_random_columns_are_refused_or_make_some_history(seed):
    random = Random(seed)
    state = dotted((7, 1, {}, 0, "text"), (8, 1, {}, 0, "beside"), (7, 2, {7: 1, 8: 1}, 0, 3))
    refused = 0
    for _ in range(100):
        name = random.choice(["spans", "runs", "contents"])
        (page,) = decode(save(state)[len(MAGIC) :])
        block = bytearray(
            unpack_block(decode(page[4:])[1][11 + ["spans", "runs", "contents"].index(name)])
        )
        block[random.randrange(len(block))] = random.randrange(256)
        try:
            loaded = load(forged(state, **{name: b"\0" + bytes(block)}))
            loaded.thaw()
        except StorageError:
            refused += 1
            continue
        assert loaded.text() == state.text()
        assert loaded.end == state.end
    assert refused


# ----------------------------------------------------------------------------- extensions


def test_an_extension_that_is_not_understood_is_kept_or_refused_as_it_says():
    state = typed((0, "marked"))
    loaded = load(forged(state, extensions=[["shades", False, b"bold"]]))
    loaded.insert(0, "well ")
    data = save(load(save(loaded)))
    assert b"bold" in data
    with pytest.raises(UnknownFormat):
        load(forged(state, extensions=[["shades", True, b"bold"]]))


def test_another_version_is_refused_as_such():
    body = encode([2, "whatever comes then"])
    with pytest.raises(UnknownFormat):
        load(MAGIC + encode([checksum(body).to_bytes(4, "big") + body]))
