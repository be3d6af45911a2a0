"""Messages as bytes: long ones are compressed, and what is no message is refused."""

import zlib

import pytest

from plait.base.codec import FRAME_BYTES_MAX, encode
from plait.base.errors import BadFrame
from plait.graph.messages import (
    PLAIN_BYTES_MAX,
    Join,
    Nothing,
    Part,
    decode_message,
    encode_message,
)

LINEAGE = bytes(16)
SHORT = Nothing(LINEAGE, 7)
LONG = Part(LINEAGE, 7, 0, True, b"the same again and again " * 200)


def test_a_short_message_is_plain():
    assert encode_message(SHORT) == encode(SHORT)
    assert decode_message(encode_message(SHORT)) == SHORT


def test_a_long_message_is_compressed_and_comes_back_whole():
    data = encode_message(LONG)
    assert len(encode(LONG)) >= PLAIN_BYTES_MAX > len(data)
    assert decode_message(data) == LONG


def test_a_long_message_that_was_not_compressed_is_understood():
    assert decode_message(encode(LONG)) == LONG


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_a_compressed_message_that_is_cut_off_is_refused(cut):
    with pytest.raises(BadFrame):
        decode_message(encode_message(LONG)[:-cut])


def test_what_inflates_beyond_a_frame_is_refused():
    bomb = zlib.compress(bytes(FRAME_BYTES_MAX + 1), 1)
    with pytest.raises(BadFrame, match="longer than"):
        decode_message(bomb)


def test_garbage_is_refused():
    name = encode_message(Join(b"x" * 16, "name")).replace(b"name", b"na\xffe")
    for data in (b"\x78", b"\x78\x01\x02\x03", b"\x93\x01", b"garbage", name):
        with pytest.raises(BadFrame):
            decode_message(data)
