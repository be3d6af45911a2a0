"""Range-based set reconciliation: exact, bounded, and cheap when little differs."""

import hashlib
from random import Random

import msgspec
import pytest

from plait.base.codec import encode
from plait.base.errors import BadFrame
from plait.graph.reconcile import (
    END,
    ID_BYTES,
    Fingerprint,
    Ids,
    Ranges,
    Reconciler,
    Settled,
    check_ranges,
)

LINEAGE = bytes(16)
decoder = msgspec.msgpack.Decoder(Ranges)


def ids_of(numbers: object) -> set[bytes]:
    return {
        hashlib.blake2b(str(n).encode(), digest_size=ID_BYTES).digest()
        for n in numbers  # type: ignore[attr-defined]
    }


def converse(one: set[bytes], other: set[bytes], **limits: int) -> tuple[Reconciler, int, int, int]:
    """Let both talk; the beginning side, messages, bytes, and the largest message."""
    here = Reconciler(LINEAGE, one, begins=True, **limits)
    there = Reconciler(LINEAGE, other, begins=False, **limits)
    message, count, total, largest = here.start(), 0, 0, 0
    while message is not None:
        for side in (there, here):
            data = encode(message)
            count, total, largest = count + 1, total + len(data), max(largest, len(data))
            message = side.answer(decoder.decode(data))
            if message is None:
                break
        assert count < 1000
    assert here.done
    return here, count, total, largest


def test_one_difference_in_100000_takes_few_messages_and_a_few_kilobytes() -> None:
    there = ids_of(range(100_000))
    missing = sorted(there)[54_321]
    here, count, total, _ = converse(there - {missing}, there)
    assert here.need == [missing]
    assert here.have == []
    assert count <= 8
    assert total < 8_000


def test_equal_sets_are_settled_by_the_first_answer() -> None:
    same = ids_of(range(10_000))
    here, count, total, _ = converse(same, same)
    assert (here.have, here.need, count) == ([], [], 2)
    assert total < 1_500


@pytest.mark.parametrize("seed", range(60))
def test_random_sets_are_compared_exactly(seed: int) -> None:
    random = Random(seed)
    common = ids_of(range(random.choice([0, 1, 40, 500, 3000])))
    mine = ids_of((seed, "a", n) for n in range(random.choice([0, 1, 30, 300])))
    theirs = ids_of((seed, "b", n) for n in range(random.choice([0, 1, 30, 300])))
    here, _, _, largest = converse(common | mine, common | theirs, bytes_max=5_000)
    assert set(here.have) == mine
    assert set(here.need) == theirs
    assert len(here.have) == len(mine)
    assert len(here.need) == len(theirs)
    assert largest < 12_000, "messages are bounded"


@pytest.mark.parametrize(
    "ranges",
    [
        (),
        (Settled(b"\1" * ID_BYTES),),
        (Settled(END), Settled(END)),
        (Settled(b"\2" * ID_BYTES), Fingerprint(b"\1" * ID_BYTES, b""), Settled(END)),
        (Ids(END, (b"short",)),),
        (Ids(END, (b"\2" * ID_BYTES, b"\1" * ID_BYTES)),),
        (Ids(b"\1" * ID_BYTES, (b"\2" * ID_BYTES,)), Settled(END)),
    ],
)
def test_ranges_that_no_side_can_have_sent_are_refused(ranges: tuple[object, ...]) -> None:
    with pytest.raises(BadFrame):
        check_ranges(Ranges(LINEAGE, ranges))  # type: ignore[arg-type]


def test_whatever_bytes_come_the_answer_is_an_answer_or_a_typed_error() -> None:
    random = Random(7)
    side = Reconciler(LINEAGE, ids_of(range(200)), begins=False)
    good = bytearray(encode(Reconciler(LINEAGE, ids_of(range(300)), begins=True).start()))
    answered = 0
    for _ in range(2_000):
        data = bytearray(good)
        for _ in range(random.randint(1, 4)):
            data[random.randrange(len(data))] = random.randrange(256)
        try:
            message = decoder.decode(bytes(data))
        except msgspec.DecodeError:
            continue
        try:
            assert side.answer(message) is not None
            answered += 1
        except BadFrame:
            continue
    assert answered
