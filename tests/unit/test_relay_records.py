"""Entries of a relay: what they fold to, from any head on, and what cannot be one."""

import random
from collections.abc import Sequence

import msgspec
import pytest

from plait.base.errors import BadFrame
from plait.host.shared_folder import Label, compose
from plait.node import relay_records
from plait.node.relay_records import (
    Gone,
    Leaving,
    Put,
    RelayIndex,
    decode_leaving,
    encode_leaving,
)

ANN = "a" * 16


def label(number: int, writer: str = ANN, kind: str = "piece") -> Label:
    return Label(writer, number, f"{number:08x}", kind, b"")


def puts(about: Label, body: bytes, size: int = 1 << 20, again: bool = False) -> list[Put]:
    data = compose(about, body)
    cuts = range(0, len(data), size)
    return [
        Put(about, chunk, len(cuts), len(data), again, data[start : start + size])
        for chunk, start in enumerate(cuts)
    ]


def gone(about: Label) -> Gone:
    return Gone(about.writer, about.number, about.token)


def entry(*operations: Put | Gone) -> bytes:
    return encode_leaving(Leaving("me", False, operations))


def folded(payloads: Sequence[bytes], head: int = 0) -> RelayIndex:
    index = RelayIndex(head)
    for payload in payloads:
        index.fold(payload)
    return index


def names(index: RelayIndex) -> list[tuple[int, int]]:
    return [(left.label.number, left.first) for left in index.files()]


def test_a_file_is_there_from_its_last_chunk_until_it_is_removed() -> None:
    long = puts(label(1), b"x" * 100, size=60)
    assert len(long) > 2
    index = RelayIndex(5)
    for part in long[:-1]:
        index.fold(entry(part))
        assert index.files() == []
    index.fold(entry(long[-1], *puts(label(2), b"y")))
    assert names(index) == [(1, 5), (2, 5 + len(long) - 1)]
    assert index.needed_from() == 5
    index.fold(entry(gone(label(1))))
    assert names(index) == [(2, 5 + len(long) - 1)]
    assert index.needed_from() == 5 + len(long) - 1


def test_a_file_that_was_moved_up_is_needed_where_it_is_now_and_one_removed_stays_so() -> None:
    index = folded([entry(*puts(label(1), b"x")), entry(*puts(label(2), b"y"))])
    index.fold(entry(gone(label(1))))
    index.fold(entry(*puts(label(1), b"x", again=True), *puts(label(2), b"y", again=True)))
    assert names(index) == [(2, 3)]
    assert index.needed_from() == 3
    index.fold(entry(*puts(label(1), b"x")))  # its writer says so
    assert names(index) == [(1, 4), (2, 3)]


@pytest.mark.parametrize("seed", range(8))
def test_a_reader_that_begins_at_the_head_has_what_one_has_that_saw_everything(seed: int) -> None:
    chance = random.Random(seed)
    index, payloads, head = RelayIndex(0), [], 0
    for _ in range(200):
        about = label(chance.randrange(12))
        known = [left.label for left in index.files()]
        draw = chance.random()
        if draw < 0.5:
            operations: list[Put | Gone] = list(puts(about, b"z" * about.number))
        elif draw < 0.8 or not known:
            operations = [gone(about)]
        else:
            moved = chance.choice(known)
            operations = list(puts(moved, b"z" * moved.number, again=True))
        payloads.append(entry(*operations))
        index.fold(payloads[-1])
        if chance.random() < 0.1:
            head = chance.randint(head, index.needed_from())
            index.trimmed(head)
        assert names(folded(payloads[head:], head)) == names(index)
    assert index.kept().entries == len(payloads) - head


def test_a_file_that_never_gets_its_last_chunk_does_not_hold_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_records, "UNFINISHED_ENTRIES_MAX", 10)
    index = folded([entry(puts(label(1), b"x" * 100, size=60)[0])])
    for number in range(10):
        assert index.needed_from() == 0
        index.fold(entry(gone(label(number + 5))))
    index.fold(entry())
    assert index.needed_from() == index.next


def test_what_cannot_be_an_entry_is_named_by_its_position_and_does_nothing() -> None:
    about = label(1)
    (good,) = puts(about, b"body")
    (other,) = puts(label(2), b"body")
    replace = msgspec.structs.replace
    wrong = [
        b"",
        b"\xc1",
        b"a line of another log",
        encode_leaving(Leaving("me", False, (replace(good, data=good.data[:-1]),))),
        encode_leaving(Leaving("me", False, (replace(good, data=other.data),))),
        encode_leaving(Leaving("me", False, (replace(good, chunk=1),))),
        encode_leaving(Leaving("me", False, (replace(good, chunks=1 << 40),))),
        encode_leaving(Leaving("me", False, (replace(good, size=-1),))),
        encode_leaving(Leaving("me", False, (replace(good, label=label(1, writer="../up")),))),
        encode_leaving(Leaving("me", False, (replace(good, label=label(1, kind="../up")),))),
    ]
    index = folded([*wrong, entry(good)], 7)
    assert sorted(index.bad) == list(range(7, 7 + len(wrong)))
    assert [left.label for left in index.files()] == [about]
    index.skip("cannot be read")
    assert 7 + len(wrong) + 1 in index.bad
    index.trimmed(index.needed_from())
    assert sorted(index.bad) == [7 + len(wrong) + 1]


@pytest.mark.parametrize("seed", range(2))
def test_fuzzed_entries_are_bad_or_fold_and_never_anything_else(seed: int) -> None:
    chance = random.Random(seed)
    index = RelayIndex(0)
    whole = entry(*puts(label(1), b"body" * 20, size=50), gone(label(2)), *puts(label(3), b"x"))
    for _ in range(2000):
        data = bytearray(whole[: chance.randint(1, len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        index.fold(bytes(data))
        for left in index.files():
            assert len(left.label.writer) == 16
    assert index.next == 2000
    with pytest.raises(BadFrame):
        decode_leaving(b"\x93")
