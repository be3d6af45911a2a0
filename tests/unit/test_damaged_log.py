"""A damaged log: whatever byte was changed or lost is found, or harmless."""

import os
import shutil
from pathlib import Path

import pytest
from disks import (
    EVERYTHING,
    append,
    flip_byte,
    frames_in,
    newest_segment,
    rows,
    submitted,
)
from small_logs import image_of, segments_of, shrink_segments

from plait.base.errors import Corrupt
from plait.base.ports import (
    AppendRows,
    CutSuffix,
    LineExtent,
    LogWrite,
    PutHardState,
    TrimPrefix,
)
from plait.host.log_frames import HEADER_BYTES
from plait.host.storage import open_storage


@pytest.fixture
def small_segments(monkeypatch) -> None:
    shrink_segments(monkeypatch)


# --------------------------------------------------------------------------------- damage


async def _small_log(folder: Path) -> tuple[dict[str, LineExtent], list[bytes]]:
    """A log of every kind of write, closed; what it holds."""
    storage = await open_storage(folder)
    writes: list[LogWrite] = [
        AppendRows("a", 0, (b"zero", b"one")),
        PutHardState("a", b"promise"),
        AppendRows("b", 0, (b"other",)),
        CutSuffix("a", 1, b"note"),
        AppendRows("a", 1, (b"uno", b"due")),
        TrimPrefix("a", 1),
    ]
    for write in writes:
        await submitted(storage.log, write)
    held = storage.log.lines(), rows(storage.log, "a")
    await storage.close()
    return held


async def test_every_flipped_byte_is_found_or_harmless(tmp_path, small_segments):
    extents, held = await _small_log(tmp_path / "data")
    segment = newest_segment(tmp_path / "data")
    whole = segment.read_bytes()
    end = frames_in(segment)[-1].end
    for offset in range(end + 2 * HEADER_BYTES):
        image = image_of(tmp_path / "data")
        flip_byte(image / "log" / segment.name, offset)
        try:
            storage = await open_storage(image)
        except Corrupt:
            assert offset < frames_in(segment)[0].end  # nothing can be read without the manifest
        else:
            if offset < end:
                assert storage.log.suspect is not None, offset
            else:
                assert (storage.log.suspect, storage.log.lines()) == (None, extents)
                assert rows(storage.log, "a") == held
                assert (image / "log" / segment.name).read_bytes() == whole
            await storage.close()
        shutil.rmtree(image)


async def test_a_log_truncated_anywhere_is_found(tmp_path, small_segments):
    extents, _ = await _small_log(tmp_path / "data")
    segment = newest_segment(tmp_path / "data")
    frames = frames_in(segment)
    for size in range(0, frames[-1].end + 1, 3):
        image = image_of(tmp_path / "data")
        os.truncate(image / "log" / segment.name, size)
        if size < frames[0].end:
            with pytest.raises(Corrupt):
                await open_storage(image)
        else:
            storage = await open_storage(image)
            assert (storage.log.suspect is None) == (size >= frames[-1].end)
            assert storage.log.lines() == extents or storage.log.suspect
            await storage.close()
        shutil.rmtree(image)


async def test_without_the_mark_only_the_last_commit_can_be_mistaken_for_a_torn_one(
    tmp_path, small_segments
):
    await _small_log(tmp_path / "data")
    (tmp_path / "data" / "log.mark").unlink()
    segment = newest_segment(tmp_path / "data")
    last = frames_in(segment)[-1]
    for offset in range(frames_in(segment)[1].start, last.end):
        image = image_of(tmp_path / "data")
        flip_byte(image / "log" / segment.name, offset)
        storage = await open_storage(image)
        assert (storage.log.suspect is None) == (offset >= last.start), offset
        await storage.close()
        shutil.rmtree(image)


async def test_a_flipped_byte_in_an_old_row_is_corrupt_and_its_neighbours_are_not(
    tmp_path, small_segments
):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, *(b"the row %d" % n for n in range(9)))
    segment = newest_segment(tmp_path / "data")
    for position in range(9, 40):
        await append(storage.log, "a", position, b"x" * 100)
    await storage.close()
    assert newest_segment(tmp_path / "data") != segment
    flip_byte(segment, segment.read_bytes().index(b"the row 4") + 2)
    storage = await open_storage(tmp_path / "data")
    with pytest.raises(Corrupt, match="row 4"):
        storage.log.read("a", 0, 9, EVERYTHING)
    assert storage.log.read("a", 5, 9, EVERYTHING)[0] == b"the row 5"
    await storage.close()


async def test_every_flip_in_an_old_segment_is_corrupt_and_never_other_data(
    tmp_path, small_segments
):
    storage = await open_storage(tmp_path / "data")
    segment = newest_segment(tmp_path / "data")
    for position in range(30):
        await append(storage.log, "a", position, b"%d" % position * 20)
    held = rows(storage.log, "a")
    await storage.close()
    assert newest_segment(tmp_path / "data") != segment
    end = frames_in(segment)[-1].end
    for offset in range(0, end, 3):
        flip_byte(segment, offset)
        storage = await open_storage(tmp_path / "data")
        assert storage.log.lines()["a"] == LineExtent(0, 30)
        for position in range(30):
            try:
                assert storage.log.read("a", position, position + 1, 1) == [held[position]]
            except Corrupt:
                assert position < 10
        await storage.close()
        flip_byte(segment, offset)


async def test_a_line_whose_last_row_is_gone_makes_the_log_suspect(tmp_path, small_segments):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "idle", 0, b"0", b"the last")
    segment = newest_segment(tmp_path / "data")
    for position in range(20):
        await append(storage.log, "a", position, b"x" * 100)
    await storage.close()
    flip_byte(segment, segment.read_bytes().index(b"the last"))
    storage = await open_storage(tmp_path / "data")
    assert "row 1" in (storage.log.suspect or "")
    assert storage.log.read("idle", 0, 1, EVERYTHING) == [b"0"]
    await storage.close()


async def test_a_missing_old_segment_makes_the_log_suspect(tmp_path, small_segments):
    storage = await open_storage(tmp_path / "data")
    for position in range(60):
        await append(storage.log, "a", position, b"x" * 100)
    await storage.close()
    first, *_ = segments_of(tmp_path / "data")
    (tmp_path / "data" / "log" / f"{first:08d}.seg").unlink()
    storage = await open_storage(tmp_path / "data")
    assert "missing" in (storage.log.suspect or "")
    with pytest.raises(Corrupt, match="missing"):
        storage.log.read("a", 0, 1, 1)
    assert storage.log.read("a", 59, 60, 1) == [b"x" * 100]
    await storage.close()


@pytest.mark.parametrize("what", ["removed", "emptied", "overwritten"])
async def test_a_log_that_cannot_be_read_is_corrupt_and_never_new(tmp_path, what: str):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, b"x")
    await storage.close()
    segment = newest_segment(tmp_path / "data")
    if what == "removed":
        segment.unlink()
    else:
        segment.write_bytes(b"" if what == "emptied" else b"not a segment " * 1000)
    for _ in range(2):
        with pytest.raises(Corrupt):
            await open_storage(tmp_path / "data")


async def test_a_folder_whose_making_was_interrupted_is_made_anew(tmp_path):
    (tmp_path / "data" / "log").mkdir(parents=True)
    (tmp_path / "data" / "log" / "00000001.seg").write_bytes(b"half a manifest")
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, b"x")
    await storage.close()
