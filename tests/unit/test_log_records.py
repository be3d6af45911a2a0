"""Records: the same before and after the disk."""

import pytest

from plait.base.errors import Corrupt
from plait.base.ports import (
    AppendRows,
    CutSuffix,
    DropRescued,
    PutHardState,
    ResetLine,
    TrimPrefix,
)
from plait.host.log_records import (
    MovedRows,
    PlacedRows,
    Relocation,
    decode_manifest,
    decode_records,
    encode_manifest,
    encode_records,
    line_seed,
    row_guard,
    row_header,
)

WRITES = (
    AppendRows("a", 7, (b"seven", b"", b"nine")),
    CutSuffix("line/ü", 3),
    CutSuffix("a", 8, b"note"),
    CutSuffix("a", 8, b""),
    TrimPrefix("a", 2),
    ResetLine("b", 1 << 40),
    PutHardState("b", b"promise"),
    PutHardState("b", b""),
    DropRescued(5),
    AppendRows("b", 0, (b"x" * 1000,)),
)


@pytest.mark.parametrize("relocation", [None, Relocation("idle", 4, 100, (b"moved", b"rows"))])
def test_records_are_the_same_after_the_disk(relocation):
    base = 50
    body, records = encode_records(WRITES, relocation, base)
    data = b"." * base + body + b"behind"
    assert list(decode_records(data, base, base + len(body))) == records
    assert [record for record in records if not isinstance(record, PlacedRows | MovedRows)] == [
        write for write in WRITES if not isinstance(write, AppendRows)
    ]


def test_rows_stand_where_their_records_say():
    body, records = encode_records(WRITES, None, 100)
    data = bytes(100) + body
    placed = [record for record in records if isinstance(record, PlacedRows)]
    for record, write in zip(placed, (WRITES[0], WRITES[-1]), strict=True):
        assert isinstance(write, AppendRows)
        assert record.size == sum(8 + len(row) for row in write.rows)
        for position, offset in enumerate(record.offsets):
            length, guard = row_header(data, offset)
            row = data[offset + 8 : offset + 8 + length]
            assert row == write.rows[position]
            assert guard == row_guard(line_seed(write.line), write.start + position, row)


def test_a_guard_binds_a_row_to_its_line_and_position():
    seed = line_seed("a")
    assert row_guard(seed, 1, b"row") != row_guard(seed, 2, b"row")
    assert row_guard(seed, 1, b"row") != row_guard(line_seed("b"), 1, b"row")


def test_a_body_that_means_nothing_is_corrupt():
    body, _ = encode_records(WRITES, None, 0)
    for bad in (body[:-1], body + b"\1", b"\x63" + body[1:]):
        with pytest.raises(Corrupt):
            list(decode_records(bad, 0, len(bad)))


def test_a_manifest_is_told_from_other_bodies():
    body = encode_manifest(b"manifest")
    assert decode_manifest(b".." + body + b"behind", 2, 2 + len(body)) == b"manifest"
    other, _ = encode_records(WRITES, None, 0)
    assert decode_manifest(other, 0, len(other)) is None
    assert decode_manifest(b"", 0, 0) is None
