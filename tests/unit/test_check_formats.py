import contextlib
import gzip
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.check import BadHistory, check_history, from_events, load_history, parse_history
from plait.check.formats.edn import Keyword, Reader, Unreadable

JSONL = b"""\
{"process": 0, "type": "invoke", "f": "write", "key": "x", "value": 1, "time": 0.5}
{"process": 1, "type": "invoke", "f": "read", "key": "x"}

{"process": 0, "type": "ok", "f": "write", "key": "x", "value": 1, "version": 7, "extra": []}
{"process": 1, "type": "ok", "value": 1}
"""
JEPSEN = b"""\
INFO  jepsen.core - Worker 0 starting
INFO  jepsen.util - 0\t:invoke\t:write\t3
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 4]
INFO  jepsen.util - :nemesis\t:info\t:start\tnil
INFO  jepsen.util - 0\t:ok\t:write\t3
INFO  jepsen.util - 1\t:fail\t:cas\t[3 4]
INFO  jepsen.util - 2\t:invoke\t:read\tnil
INFO  jepsen.util - 2\t:fail\t:read\t:timed-out
INFO  jepsen.util - 3\t:invoke\t:write\t1
INFO  jepsen.util - 3\t:info\t:write\t:timed-out
"""
KV = b"""\
{:process 0, :type :invoke, :f :append, :key "k", :value "a \\"b\\" y"}
{:process 0, :type :ok, :f :append, :key "k", :value "a \\"b\\" y"}
{:process 0, :type :invoke, :f :get, :key "k", :value nil}
{:process 0, :type :ok, :f :get, :key "k", :value "a \\"b\\" y"}
"""


def complaint(data, form=None):
    with pytest.raises(BadHistory) as caught:
        parse_history(data, "h.log", form)
    assert caught.value.definite
    return caught.value


def test_json_lines_become_operations():
    history = parse_history(JSONL)
    write, read = history.operations
    assert (write.f, write.key, write.argument, write.outcome) == ("write", "x", 1, "ok")
    assert (write.invoked, write.returned, write.line, write.version) == (0, 2, 1, 7)
    assert (write.started_s, read.result, read.returned) == (0.5, 1, 3)


def test_an_operation_that_was_never_completed_is_indefinite():
    history = parse_history(JSONL.splitlines()[0])
    assert [(o.outcome, o.returned) for o in history.operations] == [("info", None)]


def test_a_failed_operation_is_none_unless_it_was_refused():
    events = [
        {"process": 0, "type": "invoke", "f": "cas", "value": [1, 2]},
        {"process": 0, "type": "fail", "f": "cas"},
        {"process": 0, "type": "invoke", "f": "cas", "value": [1, 2]},
        {"process": 0, "type": "fail", "f": "cas", "refused": True},
    ]
    history = from_events(events)
    assert history.failed == 1
    assert [o.refused for o in history.operations] == [True]


def test_jepsens_log_lines_are_read_with_what_their_failures_mean():
    history = parse_history(JEPSEN)
    assert history.format == "jepsen"
    assert [(o.process, o.f, o.argument, o.outcome, o.refused) for o in history.operations] == [
        (0, "write", 3, "ok", False),
        (1, "cas", [3, 4], "ok", True),  # it was answered: the value is another
        (3, "write", 1, "info", False),
    ]
    assert history.failed == 1  # the read that timed out


def test_edn_maps_are_read_in_lines_or_in_one_vector():
    for data in (KV, b"[" + KV + b"]", KV.replace(b"{", b"#jepsen.history.Op{", 1)):
        history = parse_history(data)
        assert history.format == "kv"
        assert [o.argument for o in history.operations] == ['a "b" y', None]
        assert check_history(history).linearizable


def test_edn_of_all_sorts_is_read():
    text = '; a comment\n{:a [1 -2.5 "x\\ny\\u00e9" nil true], :b #{:c} #_ skipped :d (e) :n 3N}'
    assert list(Reader(text).forms()) == [
        {"a": [1, -2.5, "x\ny\u00e9", None, True], "b": [Keyword("c")], "d": ["e"], "n": 3}
    ]
    for bad in ('{:a "open', "[1", "(]", "{:a}", "#", "[" * 100):
        with pytest.raises(Unreadable):
            list(Reader(bad).forms())


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"", 0, "empty"),
        (b"hello\nworld\n", 1, "neither"),
        (JSONL[:-20], 5, "cut off"),
        (b'{"process": 0, "type": "invoke", "f": "read"}\n{"process"', 2, "cut off"),
        (b'{"process": 0, "type": "begin", "f": "read"}\n', 1, "begin"),
        (b'{"process": 1.5, "type": "invoke", "f": "read"}\n', 1, "process"),
        (b'{"type": "invoke", "f": "read"}\n', 1, "process"),
        (b'{"process": 0, "type": "invoke"}\n', 1, "no function"),
        (b'{"process": 0, "type": "ok", "f": "read", "value": 1}\n', 1, "never invoked"),
        (JSONL.replace(b'"process": 1', b'"process": 0'), 2, "line 1 is open"),
        (JSONL.replace(b'"ok", "f": "write"', b'"ok", "f": "read"'), 4, "'write' open"),
        (JSONL.replace(b'"x", "value": 1, "v', b'"y", "value": 1, "v'), 4, "on key 'y'"),
        (b'{"process": "nemesis", "type": "info", "f": "kill"}\n', 0, "no operations"),
        (KV[:60], 1, "cut off"),
        (KV.replace(b":process 0", b":process [0]", 1), 1, "process"),
        (b"{:process 0}\n", 1, "type"),
        (b"[1 2 3]\n", 1, "a map"),
        (JEPSEN.replace(b"2\t:invoke\t:read\tnil", b"2\t:invo"), 7, "cut off"),
        (JEPSEN.replace(b"[3 4]", b"[3", 1), 3, "not a value"),
        (b'{:process 0, :f "\xff"}\n', 1, "UTF-8"),
    ],
)
def test_a_bad_history_is_refused_with_file_line_and_advice(data, line, says):
    error = complaint(data)
    assert says in str(error)
    assert error.details["file"] == "h.log"
    assert error.details["line"] == line
    assert "h.log" + (f":{line}: " if line else ": ") in str(error)


def test_gzip_is_unpacked_and_files_that_cannot_be_read_are_typed_errors(tmp_path):
    packed = tmp_path / "history.jsonl.gz"
    packed.write_bytes(gzip.compress(JSONL))
    assert len(load_history(packed)) == 2
    packed.write_bytes(gzip.compress(JSONL)[:-9])
    for path, says in ((packed, "gzip"), (tmp_path, "read"), (tmp_path / "none", "No such file")):
        with pytest.raises(BadHistory, match=says):
            load_history(path)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.binary(max_size=200), form=st.sampled_from([None, "jsonl", "jepsen", "kv"]))
def test_garbage_is_read_or_refused_but_never_anything_else(data, form):
    _read(data, form)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), sample=st.sampled_from([JSONL, JEPSEN, KV]))
def test_damaged_histories_are_read_or_refused_but_never_anything_else(seed, sample):
    random = Random(seed)
    data = bytearray(sample)
    for _ in range(random.randrange(1, 4)):
        place = random.randrange(len(data))
        match random.randrange(3):
            case 0:
                data[place] = random.randrange(256)
            case 1:
                del data[place : place + random.randrange(1, 30)]
            case 2:
                data[place:place] = data[random.randrange(len(data)) :][:20]
    _read(bytes(data), random.choice([None, "jsonl", "jepsen", "kv"]))


def _read(data, form):
    with contextlib.suppress(BadHistory):
        check_history(parse_history(data, form=form), time_limit=5)


def test_any_json_can_be_a_value():
    values = [None, True, 1, 1.0, "1", [1], {"b": 1, "a": [None]}, "\u2028"]
    for value in values:
        for other in values:
            events = [
                {"process": 0, "type": "invoke", "f": "write", "value": value},
                {"process": 0, "type": "ok", "f": "write"},
                {"process": 0, "type": "invoke", "f": "read"},
                {"process": 0, "type": "ok", "f": "read", "value": other},
            ]
            same = msgspec.json.encode(value) == msgspec.json.encode(other)
            assert check_history(events).linearizable is same, (value, other)
