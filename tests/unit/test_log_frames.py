"""Frames in a chain, and the witnesses behind a bad one."""

import os

from plait.host.log_frames import (
    HEADER_BYTES,
    Frame,
    frames_after,
    read_frame,
    seal_frame,
    witness_after,
)

SALT = b"saltsalt"
BODIES = (b"first", b"", b"third" * 100, b"last")


def chain(*bodies: bytes, salt: bytes = SALT, sequence: int = 1) -> bytes:
    data, link = b"", 0
    for number, body in enumerate(bodies, sequence):
        header, link = seal_frame(salt, number, link, body)
        data += header + body
    return data


def frames(data: bytes) -> list[Frame]:
    first = read_frame(data, 0)
    return [] if first is None else [first, *frames_after(data, first)]


def flipped(data: bytes, offset: int) -> bytes:
    return data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]


def test_a_chain_is_read_back_up_to_the_zeros_behind_it():
    data = chain(*BODIES) + bytes(100)
    found = frames(data)
    assert [data[frame.body : frame.end] for frame in found] == list(BODIES)
    assert [frame.sequence for frame in found] == [1, 2, 3, 4]
    assert found[-1].end == len(data) - 100


def test_a_flip_anywhere_ends_the_chain_and_all_before_the_last_frame_has_a_witness():
    data = chain(*BODIES)
    ends = [frame.end for frame in frames(data)]
    for offset in range(len(data)):
        bad = flipped(data, offset)
        good = sum(end <= offset for end in ends)
        found = frames(bad)
        assert len(found) == good
        end = found[-1].end if found else 0
        witness = witness_after(bad, end, SALT, good + 1)
        assert (witness is not None) == (good < len(BODIES) - 1), offset


def test_a_header_without_its_body_is_a_witness():
    data = chain(*BODIES)
    second, last = frames(data)[1], frames(data)[-1]
    bad = flipped(data, second.start)[: last.start + HEADER_BYTES]
    assert witness_after(bad, second.start, SALT, second.sequence) is not None


def test_a_copy_of_older_frames_inside_a_body_is_no_witness():
    older = chain(*BODIES)
    data = older + chain(older, sequence=5)
    last = len(older)
    assert witness_after(flipped(data, last), last, SALT, 5) is None
    assert witness_after(flipped(data, last), last, SALT, 3) is not None


def test_frames_of_another_log_or_out_of_turn_do_not_follow():
    start = chain(b"a", b"b")
    for other in (
        chain(b"c", salt=b"tlastlas", sequence=3),
        chain(b"c", sequence=4),
        chain(b"c", sequence=3),  # in turn, but linked to nothing
    ):
        assert len(frames(start + other)) == 2


def test_an_announced_length_beyond_the_end_is_no_frame():
    header, _ = seal_frame(SALT, 1, 0, os.urandom(1000))
    assert read_frame(header + bytes(999), 0) is None
    assert read_frame(header[:-1], 0) is None
