"""The few messages that etcd is spoken to with."""

import pytest

from plait.bench.protobuf import message, number, parse, text


def test_a_message_is_encoded_as_the_specification_shows():
    assert message({1: 150}) == bytes.fromhex("089601")
    assert message({2: b"testing"}) == bytes.fromhex("120774657374696e67")


def test_what_was_encoded_is_read_back():
    fields = parse(message({1: b"key", 2: b"", 3: 2**64 - 1, 300: True}))
    assert fields == {1: [b"key"], 2: [b""], 3: [2**64 - 1], 300: [1]}


def test_every_occurrence_is_kept_and_the_last_one_counts():
    fields = parse(message({1: 1}) + message({1: 2}))
    assert fields == {1: [1, 2]}
    assert number(fields, 1) == 2


def test_absent_means_zero_or_empty():
    assert number({}, 1) == 0
    assert text({}, 1) == b""


def test_a_field_of_the_other_kind_is_an_error():
    with pytest.raises(ValueError, match="no integer"):
        number({1: [b"x"]}, 1)
    with pytest.raises(ValueError, match="no byte string"):
        text({1: [7]}, 1)


def test_fixed_width_numbers_are_skipped():
    fixed = bytes([1 << 3 | 1]) + bytes(8) + bytes([2 << 3 | 5]) + bytes(4)
    assert parse(fixed + message({3: 7})) == {3: [7]}


@pytest.mark.parametrize(
    "data", [b"\x08", b"\x08\x96", b"\x12\x07test", b"\x0d\x00", b"\x0b", b"\x08" + b"\xff" * 11]
)
def test_what_is_cut_off_or_malformed_is_an_error(data):
    with pytest.raises(ValueError, match="protobuf"):
        parse(data)


def test_negative_numbers_are_not_written():
    with pytest.raises(ValueError, match="unsigned"):
        message({1: -1})
