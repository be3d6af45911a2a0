"""What the parser makes of bytes, however they are cut, and of bytes that are no RESP."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.doors.resp.parser import ARGUMENTS_MAX, BULK_BYTES_MAX, Parser

words = st.lists(st.binary(max_size=20) | st.just(b"\r\n"), min_size=1, max_size=6)


def wire(command: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in command)


@given(st.lists(words, max_size=8), st.lists(st.integers(0, 400), max_size=8))
def test_commands_are_read_however_the_bytes_are_cut(
    commands: list[list[bytes]], cuts: list[int]
) -> None:
    data = b"".join(map(wire, commands))
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    parser, found = Parser(), []
    for start, stop in itertools.pairwise(places):
        some, problem = parser.feed(data[start:stop])
        assert not problem
        found += some
    assert found == commands
    assert parser.waiting == 0


@given(st.binary(max_size=300))
def test_any_bytes_are_commands_or_end_the_connection(data: bytes) -> None:
    parser = Parser()
    commands, problem = parser.feed(data)
    assert all(isinstance(word, bytes) for command in commands for word in command)
    assert isinstance(problem, str)


def test_damaged_requests_never_raise() -> None:
    chance = random.Random(1)
    good = b"".join(wire([b"SET", b"k%d" % n, b"v\r\n" * (n % 3)]) for n in range(20))
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        parser = Parser()
        cut = chance.randrange(len(data))
        for part in (data[:cut], data[cut:]):
            _, problem = parser.feed(bytes(part))
            if problem:
                break


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"*%d\r\n" % (ARGUMENTS_MAX + 1), "invalid multibulk length"),
        (b"*1\r\n$%d\r\n" % (BULK_BYTES_MAX + 1), "invalid bulk length"),
        (b"*1\r\n$-5\r\n", "invalid bulk length"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*x\r\n", "invalid multibulk length"),
        (b"*" + b"1" * 50, "invalid multibulk length"),
        (b"a" * 70_000, "too big inline request"),
        (b'SET a "b\r\n', "unbalanced quotes in request"),
    ],
)
def test_what_is_too_long_is_refused_before_it_is_waited_for(data: bytes, complaint: str) -> None:
    _, problem = Parser().feed(data)
    assert complaint in problem


def test_words_that_were_typed_may_stand_in_quotes() -> None:
    commands, _ = Parser().feed(b"SET 'a b' \"c\\x41\\n\"\r\n\r\nPING\r\n")
    assert commands == [[b"SET", b"a b", b"cA\n"], [b"PING"]]


def test_a_long_argument_comes_in_many_pieces() -> None:
    data = wire([b"SET", b"k", bytes(1 << 20)])
    parser, found = Parser(), []
    for at in range(0, len(data), 65_536):
        some, problem = parser.feed(data[at : at + 65_536])
        assert not problem
        found += some
    assert [len(word) for word in found[0]] == [3, 1, 1 << 20]
