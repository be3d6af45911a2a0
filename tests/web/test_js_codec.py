"""The browser's MessagePack, BLAKE2b, CRC-32, inflating and packs are Python's."""

import hashlib
import math
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from random import Random

from plait.base.codec import checksum, decode, encode
from plait.base.errors import BadFrame
from plait.graph.event import decode_pack, encode_pack
from plait.graph.fold import Fragment
from plait.types.shelf import Shelf
from tests.unit.shelf_world import DictRows
from tests.web.node_runner import run_node
from tests.web.shelf_recording import recording

SOME = [
    None, True, False, 0, 1, -1, 31, 32, 127, 128, 255, 256, 65535, 65536, -32, -33, -128, -129,
    -32768, -32769, 2**31, 2**32 - 1, 2**32, -(2**31), -(2**31) - 1, 2**53 - 1, 2**53, 2**53 + 1,
    -(2**53), -(2**53) - 1, 2**63, 2**64 - 1, -(2**63), 0.0, -0.0, 1.0, -1.0, 1.5, 1e300, 5e-324,
    2.0**53, 2.0**60, math.inf, -math.inf, math.nan, -math.nan, "", "a", "é", "\x00", "\ufeffbom",
    "\U0001f600", "x" * 31, "x" * 32, "ü" * 200, "x" * 70000, b"", b"\x00\xff", b"y" * 300,
    datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=UTC),
    datetime(1900, 1, 1, tzinfo=UTC), datetime(2600, 1, 1, tzinfo=UTC),
]  # fmt: skip


def value(random, depth=4):
    drawn = random.random()
    if depth and drawn < 0.15:
        return [value(random, depth - 1) for _ in range(random.choice([0, 1, 3, 15, 16]))]
    if depth and drawn < 0.3:
        keys = ["2", "1", "b", "a", "__proto__", "constructor", "é", *map(str, range(20))]
        random.shuffle(keys)
        return {key: value(random, depth - 1) for key in keys[: random.choice([0, 1, 3, 20])]}
    if drawn < 0.4:
        return random.getrandbits(random.randrange(1, 64)) * random.choice([1, -1])
    if drawn < 0.5:
        return random.uniform(-1e9, 1e9)
    return random.choice(SOME)


def spoilt(random, data):
    data = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 5])):
        if data and random.random() < 0.3:
            del data[random.randrange(len(data)) :]
        elif data:
            data[random.randrange(len(data))] = random.getrandbits(8)
    return bytes(data)


def asked(random):
    values = [encode(one) for one in [*SOME, *[value(random) for _ in range(600)]]]
    garbage = [random.randbytes(random.randrange(40)) for _ in range(400)]
    garbage += [spoilt(random, random.choice(values)) for _ in range(400)]
    garbage += [b"\x91" * 900 + b"\xc0", b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", b"\xc1", b""]
    texts = [random.randbytes(n) for n in (0, 1, 3, 111, 127, 128, 129, 255, 256, 257, 1000, 70000)]
    plain = [b"", b"abc" * 1000, random.randbytes(5000), bytes(100_000), b"x" * 65536]
    streams = [zlib.compress(one, level) for one in plain for level in (0, 1, 6, 9)]
    streams += [spoilt(random, random.choice(streams)) for _ in range(400)]
    packs = [encode_pack(one) for one in batches()]
    packs += [spoilt(random, random.choice(packs)) for _ in range(600)]
    return {
        "values": values, "garbage": garbage, "streams": streams, "packs": packs,
        "hashed": [(text, size) for text in texts for size in (1, 16, 32, 64)],
        "strings": ["", "a", "b", "aa", "\uffff", "\U0001f600", "\U0001f601", "\ue000", "é"],
        "fragments": fragments(random),
    }  # fmt: skip


def batches():
    """What recorded replicas wrote, as batches."""
    histories = decode(run_node("js_authors.mjs", arguments=["1", "6"]))
    return [decode_pack(history[1]) for history in histories]


def fragments(random):
    """States of shelves, each with fragments of it that were tampered with."""
    found = []
    for seed in range(8):
        _, steps = recording(seed, 60)
        for _, name, arguments, _ in steps:
            if name == "join" and arguments[3] and arguments[0]:
                data = encode(arguments[0])
                for _ in range(10):
                    try:
                        forged = decode(spoilt(random, data))
                    except (ValueError, RecursionError):
                        continue
                    if isinstance(forged, list) and all(
                        isinstance(one, list) and len(one) == 4 for one in forged
                    ):
                        found.append([arguments[2], decode(data), forged])
    return found[:400]


def test_the_browsers_codec_is_pythons_and_refuses_what_is_none():
    question = asked(Random(20261122))
    answer = decode(run_node("codec_echo.mjs", encode(question)))
    assert answer["values"] == [encode(decode(data)) for data in question["values"]]
    for data, found in zip(question["garbage"], answer["garbage"], strict=True):
        assert_same_or_refused(data, found)
    for (data, size), found in zip(question["hashed"], answer["hashed"], strict=True):
        assert found == hashlib.blake2b(data, digest_size=size).digest()
    assert answer["checksums"] == [checksum(data) for data, _ in question["hashed"]]
    assert [zlib.decompress(one) for one in answer["stored"]] == [
        one for one, _ in question["hashed"]
    ]
    for data, found in zip(question["streams"], answer["streams"], strict=True):
        assert found == inflated(data)
    for data, found in zip(question["packs"], answer["packs"], strict=True):
        assert_same_pack(data, found)
    assert answer["sorted"] == sorted(question["strings"])
    assert len(answer["fragments"]) == len(question["fragments"]) > 40
    for (pairs, listed, _), before in zip(question["fragments"], answer["fragments"], strict=True):
        shelf = Shelf(DictRows())
        shelf.join([as_fragment(one) for one in listed], {}, dict(pairs), True)
        assert before == shelf.canonical(dict(pairs))


def as_fragment(one):
    return Fragment(one[0], tuple(one[1]), one[2], one[3])


def assert_same_or_refused(data, found):
    try:
        value_ = decode(data)
    except (ValueError, RecursionError, TypeError):
        return  # whether it is refused there as well, or read as something, is no matter
    # a time, or a key that is no string, can be spelt in several ways
    with suppress(RecursionError):
        if found is not None and not is_spelt_in_several_ways(value_):
            assert found == encode(value_), data


def is_spelt_in_several_ways(value_):
    if isinstance(value_, list | tuple):
        return any(map(is_spelt_in_several_ways, value_))
    if isinstance(value_, dict):
        return any(
            not isinstance(key, str) or is_spelt_in_several_ways(one) for key, one in value_.items()
        )
    return isinstance(value_, datetime)


def inflated(data):
    inflating = zlib.decompressobj()
    try:
        found = inflating.decompress(data, 1 << 20)
        whole = inflating.eof and not inflating.unused_data and not inflating.unconsumed_tail
        return found if whole else None
    except zlib.error:
        return None


def assert_same_pack(data, found):
    try:
        expected = decode_pack(data)
    except BadFrame:
        return
    if found is not None:  # the browser keeps operations as they were spelt
        assert encode_pack(decode_pack(found)) == encode_pack(expected)
