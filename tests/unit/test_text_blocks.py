"""The packed blocks and numbers of a stored text: they unpack to what was packed, or not at all."""

from random import Random

import pytest

from plait.base.errors import BadFrame
from plait.types.text import blocks
from plait.types.text.blocks import numbers_in, pack_block, unpack_block, varints


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
