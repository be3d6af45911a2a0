import copy
import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from plait.base.errors import BadValue
from plait.types.text.replay import replay, steps
from plait.types.text.trace_events import Event
from plait.types.text.traces import ConcurrentTrace, SequentialTrace, parse_traces

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="SKIPPED: the recorded histories are not beside the project"
)

SEQUENTIAL = {
    "startContent": "naïve 😀",
    "endContent": "Naïve! 😀",
    "txns": [
        {"time": "2021-04-19T06:06:58.219Z", "patches": [[0, 1, "N"], [5, 0, "!"]]},
        {"time": "2021-04-19T06:06:59.219Z", "patches": []},
    ],
}
# 0 writes "ab"; 0 and 1 both go on from there; nobody does anything in 3; 4 has seen both.
CONCURRENT = {
    "kind": "concurrent",
    "endContent": "aXYb!",
    "numAgents": 2,
    "txns": [
        {"parents": [], "numChildren": 2, "agent": 0, "patches": [[0, 0, "ab"]]},
        {"parents": [0], "numChildren": 1, "agent": 0, "patches": [[1, 0, "X"]]},
        {"parents": [0], "numChildren": 1, "agent": 1, "patches": [[1, 0, "Y"]]},
        {"parents": [1, 2], "numChildren": 1, "agent": 1, "patches": []},
        {"parents": [3], "numChildren": 0, "agent": 1, "patches": [[4, 0, "?"], [4, 1, "!"]]},
    ],
}
# "c" goes on from event 1, which is inside the span of the first transaction.
GRAPH = {
    "txns": [
        {"span": [0, 4], "parents": [], "agent": "a", "seqStart": 0, "ops": [[0, 0, "wxyz"]]},
        {"span": [4, 5], "parents": [1], "agent": "c", "seqStart": 0, "ops": [[2, 0, "-"]]},
        {"span": [5, 8], "parents": [3, 4], "agent": "a", "seqStart": 4, "ops": [[0, 3, ""]]},
        {"span": [8, 9], "parents": [5], "agent": "c", "seqStart": 1, "ops": [[4, 0, "!"]]},
    ],
    "endContent": "z-!",
}


def packed(document):
    return json.dumps(document).encode()


def parsed(document):
    (trace,) = parse_traces(packed(document))
    return trace


def message(document):
    data = document if isinstance(document, bytes) else packed(document)
    with pytest.raises(BadValue) as caught:
        replay_all(data)
    return caught.value.message


def replay_all(data):
    return [replay(trace) for trace in parse_traces(data)]


def changed(document, path, value):
    document = copy.deepcopy(document)
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return document


# ------------------------------------------------------------------------- the three formats


def test_a_sequential_trace_is_patches_on_its_start_content():
    trace = parsed(SEQUENTIAL)
    assert trace == SequentialTrace("naïve 😀", [(0, 1, "N"), (5, 0, "!")], "Naïve! 😀")
    state = replay(trace)
    assert state.text() == trace.end
    assert state.end == len("naïve 😀") + 3


def test_a_concurrent_trace_names_its_parents_by_transaction_and_events_by_their_last_unit():
    trace = parsed(CONCURRENT)
    assert trace.events == [
        Event(0, 1, [0, "ab"], ()),
        Event(0, 3, [1, "X"], (1,)),
        Event(1, 1, [1, "Y"], (1,)),
        Event(1, 2, [4, "?", 4, 1, 4, "!"], (2, 3)),
    ]
    assert trace.transactions == [0, 1, 2, 4]
    assert replay(trace).text() == trace.end


def test_a_transaction_without_edits_merges_its_parents_for_those_that_come_after_it():
    trace = parsed(CONCURRENT)
    assert trace.events[-1].parents == (2, 3)


def test_an_event_graph_is_cut_where_a_version_ends_inside_a_span():
    trace = parsed(GRAPH)
    assert trace.events == [
        Event("a", 1, [0, "wx"], ()),
        Event("a", 3, [2, "yz"], (1,)),
        Event("c", 1, [2, "-"], (1,)),
        Event("a", 5, [0, 1], (3, 4)),
        Event("a", 6, [0, 2], (5,)),
        Event("c", 2, [4, "!"], (5,)),
    ]
    assert trace.transactions == [0, 0, 1, 2, 2, 3]
    assert replay(trace).text() == trace.end


def test_no_parents_means_the_start_content_where_there_is_one():
    started = changed(changed(CONCURRENT, ["startContent"], "😀>"), ["txns", 0, "patches", 0, 0], 2)
    for index, position in ((1, 3), (2, 3)):
        started = changed(started, ["txns", index, "patches", 0, 0], position)
    started = changed(started, ["txns", 4, "patches"], [[6, 0, "!"]])
    trace = parsed(started)
    assert trace.events[0] == Event(0, 1, [0, "😀>"], ())
    assert trace.events[1] == Event(0, 3, [2, "ab"], (1,))
    assert trace.transactions == [-1, 0, 1, 2, 4]
    assert replay(trace).text() == "😀>aXYb!"


def test_an_agent_may_be_concurrent_with_itself_and_its_sequence_may_go_back():
    document = {
        "txns": [
            {"span": [0, 1], "parents": [], "agent": "a", "seqStart": 7, "ops": [[0, 0, "2"]]},
            {"span": [1, 2], "parents": [], "agent": "a", "seqStart": 3, "ops": [[0, 0, "1"]]},
        ]
    }
    trace = parsed(document)
    assert [event.seq for event in trace.events] == [8, 4]
    assert replay(trace).text() == "12"
    assert trace.end is None


def test_lines_are_documents_of_any_format():
    lines = [packed(SEQUENTIAL), b"", packed(CONCURRENT), b"  ", packed(GRAPH)]
    traces = parse_traces(b"\n".join(lines))
    assert [replay(trace).text() == trace.end for trace in traces] == [True] * 3


def test_one_document_may_be_printed_on_many_lines():
    for document in (SEQUENTIAL, CONCURRENT, GRAPH):
        pretty = b"\n" + json.dumps(document, indent=2).encode() + b"\r\n\r\n"
        assert parse_traces(pretty) == [parsed(document)]


def test_gzip_is_told_by_its_content_and_may_have_several_members():
    data = packed(SEQUENTIAL)
    expected = parse_traces(data)
    assert parse_traces(gzip.compress(data)) == expected
    members = gzip.compress(data[:30]) + gzip.compress(data[30:]) + bytes(512)
    assert parse_traces(members) == expected
    assert parse_traces(b"\xef\xbb\xbf" + data) == expected


def test_a_document_without_transactions_is_its_start_content():
    assert replay(parsed({"txns": [], "startContent": "here"})).text() == "here"
    assert replay(parsed({"txns": []})).text() == ""


def test_progress_is_told_of_every_step():
    for document in (SEQUENTIAL, CONCURRENT, GRAPH):
        trace = parsed(document)
        told = []
        replay(trace, told.append)
        assert sum(told) == steps(trace) > 0


# ------------------------------------------------------------------------- what is no trace


@pytest.mark.parametrize(
    ("document", "path", "value", "words"),
    [
        (SEQUENTIAL, ["txns", 0, "patches", 1, 0], -1, "transaction 0, patch 1, position"),
        (SEQUENTIAL, ["txns", 0, "patches", 1, 1], -1, "transaction 0, patch 1, deleted"),
        (SEQUENTIAL, ["txns", 0, "patches", 1, 2], 7, "transaction 0, patch 1, inserted"),
        (SEQUENTIAL, ["txns", 0, "patches", 1, 0], 8, "patch 1: at 8 in a text of 7"),
        (SEQUENTIAL, ["txns", 0, "patches", 1, 1], 3, "3 characters are deleted at 5"),
        (SEQUENTIAL, ["txns", 0, "patches", 1, 0], 10**30, "transaction 0, patch 1, position"),
        (SEQUENTIAL, ["txns", 0, "patches", 1], [1, 2], "transaction 0, patch 1: "),
        (SEQUENTIAL, ["txns", 1, "patches"], {}, "transaction 1, patches: "),
        (SEQUENTIAL, ["txns", 1], {}, "transaction 1: Object missing required field `patches`"),
        (SEQUENTIAL, ["txns", 0], 1, "transaction 0: Expected `object`"),
        (SEQUENTIAL, ["txns"], None, "txns: Expected `array`"),
        (SEQUENTIAL, ["startContent"], 1, "startContent: Expected `str`"),
        (SEQUENTIAL, ["endContent"], [], "endContent: Expected `str | null`"),
        (CONCURRENT, ["txns", 2, "parents"], [2], "transaction 2: parent 2 does not come before"),
        (CONCURRENT, ["txns", 2, "parents"], [4], "transaction 2: parent 4 does not come before"),
        (CONCURRENT, ["txns", 2, "parents"], [99], "transaction 2: parent 99 does not come before"),
        (CONCURRENT, ["txns", 2, "parents"], [-1], "transaction 2, parents[0]: "),
        (CONCURRENT, ["txns", 2, "agent"], "x", "transaction 2, agent: numbers and words"),
        (CONCURRENT, ["txns", 2, "agent"], None, "transaction 2, agent: "),
        (CONCURRENT, ["txns", 2, "agent"], True, "transaction 2, agent: "),
        (CONCURRENT, ["txns", 2, "patches", 0, 0], 3, "transaction 2: position 3 of"),
        (CONCURRENT, ["txns", 2, "patches", 0, 0], 2**53 - 1, "transaction 2: position 9007"),
        (CONCURRENT, ["txns", 2, "patches", 0, 1], 2, "transaction 2: 2 deleted at 1 of"),
        (GRAPH, ["txns", 1, "parents"], [4], "transaction 1: parent 4 does not come before"),
        (GRAPH, ["txns", 0, "parents"], [0], "transaction 0: parent 0 does not come before"),
        (GRAPH, ["txns", 1, "span"], [0, 1], "begins at event 0, not at 4"),
        (GRAPH, ["txns", 1, "span"], [5, 6], "begins at event 5, not at 4"),
        (GRAPH, ["txns", 1, "span"], [4, 6], "has 2 events, its ops have 1"),
        (GRAPH, ["txns", 1, "span"], [4, 3], "has -1 events, its ops have 1"),
        (GRAPH, ["txns", 2, "seqStart"], 2, "from 2 on of agent 'a' are used already"),
        (GRAPH, ["txns", 3, "seqStart"], 0, "from 0 on of agent 'c' are used already"),
        (GRAPH, ["txns", 2, "seqStart"], 10**400, "transaction 2, seqStart: "),
        (GRAPH, ["txns", 3, "ops", 0, 0], 6, "transaction 3: position 6 of"),
        (GRAPH, ["txns", 0], {"ops": []}, "transaction 0: Object missing required field `span`"),
    ],
)  # fmt: skip
def test_a_wrong_trace_is_refused_with_its_place(document, path, value, words):
    assert words in message(changed(document, path, value))


def test_a_wrong_line_is_named_by_its_number():
    bad = packed(changed(GRAPH, ["txns", 1, "parents"], [4]))
    assert message(packed(GRAPH) + b"\n\n" + bad).startswith("line 3: transaction 1: parent 4")
    assert message(packed(GRAPH) + b"\n" + bad[:-9]).startswith("line 2: not JSON")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"hello", "not JSON"),
        (b"[]", "not a trace: Expected `object`"),
        (b"{}", "not a trace: Object missing required field `txns`"),
        (packed(SEQUENTIAL)[:-5], "not JSON: Input data was truncated"),
        (b'{"txns": [], "x": "\xff"}', "line 1 is not UTF-8"),
        (b'{"txns":\n [], "endContent": "\xed\xa0\x80"}', "line 2 is not UTF-8"),
        (b'{"txns": [], "endContent": "\\ud800"}', "not JSON"),
        ('{"txns": []}'.encode("utf-16"), "not UTF-8"),
        (b'{"x": ' + b"[" * 500_000, "nested too deeply"),
        (b'{"txns": [{"x":' + b"[" * 500_000, "nested too deeply"),
        (b"[" * 500_000 + b"\n" + b"[" * 500_000, "Expected `object`"),
        (gzip.compress(packed(SEQUENTIAL))[:-12], "its end is missing"),
        (gzip.compress(packed(SEQUENTIAL)) + b"more", "damaged gzip"),
        (gzip.compress(packed(SEQUENTIAL))[:-8] + bytes(8), "damaged gzip"),
        (b"\x1f\x8b", "damaged gzip"),
        (b"\x1f\x8b but no gzip at all", "damaged gzip"),
    ],
    ids=range(18),
)
def test_bytes_that_are_no_trace_are_refused_with_a_reason(data, words):
    assert words in message(data)


def test_what_unpacks_to_more_than_the_limit_is_refused_before_it_is_unpacked():
    bomb = gzip.compress(bytes(5_000_000))
    with pytest.raises(BadValue, match="longer than 1,000,000 bytes"):
        parse_traces(bomb, bytes_max=1_000_000)
    with pytest.raises(BadValue, match="longer than 1,000,000 bytes"):
        parse_traces(gzip.compress(bytes(600_000)) * 2, bytes_max=1_000_000)
    with pytest.raises(BadValue, match="longer than 10 bytes"):
        parse_traces(packed(SEQUENTIAL), bytes_max=10)
    data = packed(SEQUENTIAL)
    assert parse_traces(gzip.compress(data), bytes_max=len(data)) == parse_traces(data)


ODD = (
    -1, 0, 1, 2, 5, 10**6, 2**53, 2**63, 10**25, 1.5, None, True, "", "é", "\0", [], [0], [[0]],
    {}, {"a": 1}, [0, 1], [1, 0], [0, 0, "z"],
)  # fmt: skip


def test_no_altered_trace_does_worse_than_a_refusal():
    refused = accepted = 0
    for seed in range(1500):
        chance = random.Random(seed)
        document = copy.deepcopy(chance.choice((SEQUENTIAL, CONCURRENT, GRAPH)))
        for _ in range(chance.choice((0, 1, 1, 2))):
            holder, step = chance.choice(list(_places(document)))
            if chance.random() < 0.2 and isinstance(holder, list):
                holder.insert(step, copy.deepcopy(chance.choice((*ODD, holder[step]))))
            elif chance.random() < 0.2:
                del holder[step]
            else:
                holder[step] = chance.choice(ODD)
        data = bytearray(packed(document))
        for _ in range(chance.choice((0, 0, 1, 3))):
            data[chance.randrange(len(data))] = chance.choice((chance.randrange(256), 0x22, 0x5D))
        data = bytes(data[: chance.choice((None, None, None, -chance.randrange(1, len(data))))])
        if chance.random() < 0.1:
            data = gzip.compress(data)[: chance.choice((None, -chance.randrange(1, 30)))]
        try:
            replay_all(data)
            accepted += 1
        except BadValue as error:
            refused += 0 < len(error.message) < 300
    assert refused + accepted == 1500
    assert min(refused, accepted) > 100  # both are tried


def _places(value):
    """Every place inside a document: what holds it, and under what."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for step, child in list(inner):
        yield value, step
        if isinstance(child, dict | list):
            yield from _places(child)


# ------------------------------------------------------------------------- real histories


@needs_data
@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("sequential/automerge-paper", SequentialTrace, 259_778),
        ("sequential/sveltecomponent", SequentialTrace, 19_749),
        ("concurrent/friendsforever", ConcurrentTrace, 26_078),
    ],
)
def test_a_recorded_history_gives_its_text(name, kind, count):
    (trace,) = parse_traces((DATA / "editing-traces" / f"{name}.json.gz").read_bytes())
    assert isinstance(trace, kind)
    assert steps(trace) == count
    assert replay(trace).text() == trace.end


@pytest.mark.parametrize("lacking", [0, 1, 2])
def test_the_format_is_told_by_all_transactions_and_none_may_differ(lacking: int):
    txns: list[Any] = [
        {"agent": at, "parents": [at - 1] if at else [], "patches": [[0, 0, "a"]]}
        for at in range(3)
    ]
    del txns[lacking]["agent"], txns[lacking]["parents"]
    with pytest.raises(BadValue, match=f"^transaction {lacking}: .*`agent`"):
        parse_traces(json.dumps({"txns": txns}).encode())
    txns[lacking]["span"] = [0, 1]
    with pytest.raises(BadValue, match=r"^transaction .: Object missing required field"):
        parse_traces(json.dumps({"txns": txns}).encode())


@pytest.mark.parametrize(
    "lone", ["\\ud83d", "\\udE00", "\\ud83d\\ud83d\\ude00", "\\ud83dx", "\\ud83d\\n"]
)
def test_half_a_character_is_called_a_lone_surrogate_and_where_it_is(lone: str):
    document = '{"txns": [\n{"patches": [[0, 0, "\\\\\\ud83d\\ude00 and ' + lone + '"]]}]}'
    byte = document.index(" and ") + 5
    with pytest.raises(BadValue, match=rf"^line 2: \\u.* is a lone surrogate.*\(byte {byte}\)"):
        parse_traces(document.encode())


def test_a_whole_character_may_be_escaped():
    [trace] = parse_traces(rb'{"txns": [{"patches": [[0, 0, "\ud83d\ude00"]]}]}')
    assert trace == SequentialTrace("", [(0, 0, "\U0001f600")], None)
