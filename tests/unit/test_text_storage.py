"""Texts as bytes: what is loaded is what was saved, and behaves like it; or an error says why."""

from pathlib import Path
from random import Random

import pytest

from plait.base.causality import VersionVector
from plait.base.codec import checksum, decode, encode
from plait.base.errors import BadFrame, Corrupt, StorageError, UnknownFormat
from plait.graph.event import Event
from plait.types.text import blocks
from plait.types.text.blocks import numbers_in, pack_block, unpack_block, varints
from plait.types.text.cold import StoredHistory
from plait.types.text.content import TEXT_CONTENTS
from plait.types.text.hunks import changes_between
from plait.types.text.replay import replay
from plait.types.text.state import TextState
from plait.types.text.storage import MAGIC, load, save
from plait.types.text.traces import parse_traces
from tests.laws.random_text_graphs import random_graph, topological_order
from tests.laws.text_copy import Copy

PAPER = (
    Path(__file__).resolve().parents[3]
    / "shared/data/editing-traces/sequential/automerge-paper.json.gz"
)


def history(state):
    """Everything that a state knows of the past."""
    state.close_run()
    graph, log = state.graph, state.log
    units = [
        (
            graph.seq_of(lv),
            graph.widths[graph.span_at(lv)],
            graph.parents_of(lv),
            graph.critical(lv),
        )
        for lv in range(graph.first, graph.end)
    ]
    runs = list(log.runs(log.starts[0], log.end)) if len(log) else []
    return graph.first, graph.end, graph.heads, units, _units(runs)


def _units(runs):
    """Unit by unit, for runs may be cut in other places."""
    units = []
    for run in runs:
        for past in range(run.size):
            pos = run.pos + past if run.kind == 0 else run.pos - past if run.kind == 2 else run.pos
            units.append((run.kind == 0, pos, run.content[past] if run.content else None))
    return units


def same(one, other):
    """Whether two states are alike; both are thawed."""
    one.thaw()
    other.thaw()
    return (
        one.text() == other.text()
        and history(one) == history(other)
        and (one.base, one.clears, one.agent) == (other.base, other.clears, other.agent)
    )


def typed(*edits, agent="ann"):
    """A text that somebody typed: (position, text or how many to delete)."""
    state = TextState(agent)
    for pos, what in edits:
        if isinstance(what, int):
            state.delete(pos, what)
        else:
            state.insert(pos, what)
    return state


def dotted(*ops):
    """A text of operations of replicas: (replica, seq, context, edits)."""
    state = TextState()
    for op in ops:
        happen(state, *op)
    return state


def happen(state, replica, seq, context, *edits):
    state.happen(Event(replica, seq, 0, VersionVector(context)), list(edits))


def forged(state, **changes):
    """A state's bytes with a page that somebody else made, and a right checksum."""
    names = ("form", "start", "units", "kept", "length", "names", "base", "heads", "clears",
             "agent", "own", "spans", "runs", "contents", "rooted", "skipped", "present",
             "hunks", "derived", "extensions")  # fmt: skip
    (page,) = decode(save(state)[len(MAGIC) :])
    version, fields = decode(page[4:])
    defaults = [0, 0, b"", [], False, []]
    fields += defaults[len(fields) - len(names) :] if len(fields) < len(names) else []
    for name, value in changes.items():
        fields[names.index(name)] = value
    body = encode([version, fields])
    return MAGIC + encode([checksum(body).to_bytes(4, "big") + body])


# ----------------------------------------------------------------------------- round trips


@pytest.mark.parametrize(
    "state",
    [
        TextState(),
        typed((0, "a")),
        typed((0, "hello"), (4, 1), (3, 1), (0, 1), (0, "J")),
        typed((0, "x😀👩‍👩‍👧 \U0010ffff\0"), (1, 1), (0, "é")),
        typed((0, "lone \ud800 surrogate"), (5, 1)),
        dotted((7, 1, {}, 0, "base"), (8, 1, {}, 0, "both"), (7, 2, {7: 1, 8: 1}, 2, 3, 0, "!")),
    ],
    ids=["empty", "one", "linear", "astral", "surrogate", "concurrent"],
)
def test_a_loaded_text_is_the_one_that_was_saved(state):
    loaded = load(save(state))
    assert loaded.text() == state.text()
    assert same(loaded, state)


def test_a_loaded_text_goes_on_with_its_authors_numbers():
    state = typed((0, "hello"))
    loaded = load(save(state))
    for each in (state, loaded):
        each.insert(5, " there")
        each.delete(0, 1)
    assert same(loaded, state)
    assert loaded.graph.last_seen("ann", 12) == 11


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_are_loaded_as_they_were_saved_and_take_what_comes_later(seed):
    graph = random_graph(seed)
    random = Random(seed)
    order = topological_order(random, graph.events)
    whole = bool(random.getrandbits(1))
    here = Copy(graph, whole)
    stop = random.randrange(len(order) + 1)
    for index in order[:stop]:
        here.add(index)
    there = Copy(graph, whole)
    there.lasts, there.version = dict(here.lasts), here.version
    there.state = load(save(here.state))
    there.state.thaw()
    assert same(there.state, here.state)
    for index in order[stop:]:
        here.add(index)
        there.add(index)
        assert there.state.text() == here.state.text()
    assert same(load(save(there.state)), here.state)


def test_a_text_without_history_is_as_if_all_of_it_were_folded():
    state = dotted((7, 1, {}, 0, "ab"), (8, 1, {}, 0, "xy"))
    bare = load(save(state, history=False))
    assert (bare.text(), bare.base, bare.cold) == (state.text(), {7: 1, 8: 1}, None)
    for each in (bare, state):
        happen(each, 7, 2, {7: 1, 8: 1}, 2, "-")
        happen(each, 8, 2, {7: 1, 8: 1}, 2, "+")
    assert bare.text() == state.text()
    state.fold({7: 1, 8: 1})
    assert same(load(save(bare)), state)


def test_folded_texts_and_their_clears_are_loaded():
    state = dotted((7, 1, {}, 0, "abc"), (8, 1, {7: 1}, 3, "def"), (7, 2, {7: 1}, 0, 2))
    happen(state, 8, 2, {7: 1, 8: 1}, 0, "z")
    state.clear(Event(9, 1, 0, VersionVector({7: 1})))
    assert state.fold({7: 1})
    loaded = load(save(state))
    assert same(loaded, state)
    assert loaded.clears == {(9, 1): None}
    for each in (loaded, state):
        happen(each, 8, 3, {7: 1, 8: 2}, 0, "late")
    assert loaded.text() == state.text()


# ----------------------------------------------------------------------------- cold history


@pytest.fixture
def thawed(monkeypatch):
    """How often history was decoded."""
    times = []
    thaw = StoredHistory.thaw
    monkeypatch.setattr(StoredHistory, "thaw", lambda self: times.append(1) or thaw(self))
    return times


def test_reading_editing_and_saving_decode_no_history(thawed):
    state = typed((0, "a long story"), (0, 2))
    data = save(state)
    for number in range(5):
        loaded = load(data)
        assert loaded.text() == state.text()
        assert save(loaded) == data, "nothing was added"
        for each in (loaded, state):
            each.insert(number, "more ")
        longer = save(loaded)
        assert longer.count(b"long") <= 1, "what was there is not written again"
        data = longer
    assert not thawed
    assert same(load(data), state)
    assert thawed


def test_a_concurrent_edit_of_a_cold_text_lands_where_it_would_have(thawed):
    ops = ((7, 1, {}, 0, "hello"), (8, 1, {7: 1}, 5, " world"), (7, 2, {7: 1, 8: 1}, 0, 1, 0, "J"))
    state = dotted(*ops)
    loaded = load(save(state))
    for each in (loaded, state):
        happen(each, 8, 2, {7: 2, 8: 1}, 11, "!")
    assert not thawed
    for each in (loaded, state):
        happen(each, 9, 1, {7: 1}, 5, "?", 0, 1)
    assert thawed
    assert same(loaded, state)
    assert same(load(save(loaded)), state)


def test_concurrent_edits_of_a_cold_text_are_appended_with_what_they_did():
    state = dotted((7, 1, {}, 0, "abcdef"))
    data = save(state)
    for seq in range(2, 9):
        loaded = load(data)
        assert same(load(data), state)
        for each in (loaded, state):
            context = {7: seq - 1, 8: seq - 2}
            happen(each, 7, seq, context, 3, "x", 0, 1)
            happen(each, 8, seq - 1, context, 3, "y", 5, 1)
        assert loaded.cold is not None
        data = save(loaded)
        assert len(decode(data[len(MAGIC) :])) == seq
    assert same(load(data), state)


def test_what_was_appended_is_compacted_when_it_outweighs_the_rest():
    state = typed((0, "start"))
    data = save(state)
    random = Random(1)
    counts = []
    for _ in range(200):
        loaded = load(data)
        word = "".join(chr(random.randrange(32, 0x2000)) for _ in range(40))
        for each in (loaded, state):
            each.insert(len(each) // 2, word)
        data = save(loaded)
        counts.append(len(decode(data[len(MAGIC) :])))
    assert 1 in counts[1:]
    assert max(counts) > 5
    assert same(load(data), state)


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


def test_a_block_that_unpacks_to_more_than_it_says_is_refused(monkeypatch):
    bomb = pack_block(bytes(1 << 22))
    assert len(bomb) < 1 << 13
    assert len(unpack_block(bomb)) == 1 << 22
    short = bomb[:1] + varints((1 << 10,)) + bomb[1 + len(varints((1 << 22,))) :]
    with pytest.raises(BadFrame):
        unpack_block(short)
    monkeypatch.setattr(blocks, "BLOCK_BYTES_MAX", 1 << 20)
    with pytest.raises(BadFrame):
        unpack_block(bomb)


@pytest.mark.parametrize("size", [0, 1, 33, 3000, 70_000])
@pytest.mark.parametrize("alphabet", [1, 3, 256])
def test_blocks_unpack_to_what_was_packed_and_nothing_shorter_or_longer_does(size, alphabet):
    random = Random(size)
    data = bytes(random.randrange(alphabet) for _ in range(size))
    for quick in (False, True):
        block = pack_block(data, quick)
        assert unpack_block(block) == data
        assert len(block) <= size + 1
        for wrong in (block[:-1], block + b"\0"):
            try:
                assert unpack_block(wrong) != data
            except BadFrame:
                continue


def test_numbers_have_one_form():
    numbers = [0, 1, 127, 128, 16383, 16384, 1 << 53, (1 << 63) - 1]
    assert numbers_in(varints(numbers)) == numbers
    for wrong in (b"\x80", b"\xff" * 12):
        with pytest.raises(BadFrame):
            numbers_in(wrong)


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


# ----------------------------------------------------------------------------- hunks


@pytest.mark.parametrize("seed", range(40))
def test_hunks_make_of_what_was_what_is(seed):
    random = Random(seed)
    state = TextState()
    state.insert(0, "".join(random.choice("ab\n") for _ in range(random.choice([0, 50, 60_000]))))
    was, text = TEXT_CONTENTS.pieces(state.items), state.text()
    for _ in range(random.randrange(8)):
        pos = random.randrange(len(state) + 1)
        if random.getrandbits(1):
            state.insert(pos, random.choice("ab") * random.choice([1, 5, 9000]))
        else:
            state.delete(pos, min(random.choice([1, 7, 20_000]), len(state) - pos))
    hunks = changes_between(was, TEXT_CONTENTS.pieces(state.items), TEXT_CONTENTS)
    for pos, gone, come in hunks:
        text = text[:pos] + come + text[pos + gone :]
    assert text == state.text()


def test_hunks_of_two_far_edits_are_two():
    state = TextState()
    state.insert(0, "".join(f"{number:9}\n" for number in range(10_000)))
    was = TEXT_CONTENTS.pieces(state.items)
    state.insert(10, "left")
    state.insert(90_000, "right")
    hunks = changes_between(was, TEXT_CONTENTS.pieces(state.items), TEXT_CONTENTS)
    assert hunks == [(10, 0, "left"), (90_000, 0, "right")]


# ----------------------------------------------------------------------------- size


@pytest.mark.skipif(not PAPER.is_file(), reason="SKIPPED: the traces are not beside the project")
def test_a_paper_with_all_its_history_is_small():
    (trace,) = parse_traces(PAPER.read_bytes())
    state = replay(trace)
    data = save(state)
    assert len(data) < 72_000
    assert len(save(state, history=False)) < 28_000
    loaded = load(data)
    assert loaded.text() == trace.end
    loaded.insert(0, "x")
    assert len(save(loaded)) < len(data) + 100
    state.insert(0, "x")
    assert same(load(save(loaded)), state)
