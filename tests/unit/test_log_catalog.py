"""The catalog: what records make of it, and what a manifest keeps of that."""

from array import array

import msgspec
import pytest

from plait.base.codec import encode
from plait.base.errors import Corrupt
from plait.base.ports import (
    CutSuffix,
    DropRescued,
    LineExtent,
    PutHardState,
    ResetLine,
    TrimPrefix,
)
from plait.host.log_catalog import Catalog, Manifest, SegmentNote
from plait.host.log_index import LOST
from plait.host.log_records import MovedRows, PlacedRows


def placed(line: str, start: int, *offsets: int) -> PlacedRows:
    return PlacedRows(line, start, array("I", offsets), 10 * len(offsets))


def held(catalog: Catalog) -> object:
    """Everything that a manifest must keep."""
    return (
        catalog.extents,
        catalog.rescued_next,
        catalog.segments,
        [
            (line, rescued, run.segment, run.start, list(run.offsets))
            for line, rescued, run in catalog.owned_runs()
        ],
    )


class Written:
    """A catalog whose segments are written one after the other, and their manifests."""

    def __init__(self) -> None:
        self.catalog = Catalog()
        self.number = 1
        self.manifests = {1: self.catalog.manifest(1, None)}

    def begin_segment(self) -> None:
        ended = SegmentNote(self.number, 1000, self.number + 1)
        self.number += 1
        manifest = self.catalog.manifest(self.number, ended)
        self.catalog.segments = {note.number: note for note in manifest.segments}
        decoded = msgspec.msgpack.decode(encode(manifest), type=Manifest)
        assert decoded == manifest
        self.manifests[self.number] = decoded

    def reopened(self) -> Catalog:
        return Catalog.from_manifest(self.manifests[self.number], self.manifests.get)


@pytest.fixture
def written() -> Written:
    written = Written()
    catalog = written.catalog
    catalog.apply([placed("a", 0, 10, 20, 30), PutHardState("b", b"hard")], 1)
    catalog.apply([placed("b", 0, 40), CutSuffix("a", 2, b"note")], 1)
    written.begin_segment()
    catalog.apply([placed("a", 2, 50, 60), TrimPrefix("a", 1)], 2)
    written.begin_segment()
    catalog.apply([placed("a", 4, 70)], 3)
    written.begin_segment()
    return written


def test_a_manifest_gives_the_catalog_back(written):
    assert written.catalog.extents == {"a": LineExtent(1, 5), "b": LineExtent(0, 1, b"hard")}
    assert held(written.reopened()) == held(written.catalog)
    written.begin_segment()
    assert held(written.reopened()) == held(written.catalog)


def test_only_the_manifest_behind_a_segment_spells_out_its_rows(written):
    notes = [
        (line.name, note.segment, bool(note.offsets))
        for line in written.manifests[4].lines
        for note in line.runs
    ]
    assert notes == [("a", 1, False), ("a", 2, False), ("a", 3, True), ("b", 1, False)]


def test_the_place_of_rows_outlives_the_segment_that_told_it(written):
    # All of segments 2 and 3 goes; segment 2 has the manifest that tells of segment 1.
    written.catalog.apply([CutSuffix("a", 2)], 4)
    assert written.catalog.forget_dead_segments() == [3]
    written.begin_segment()
    assert written.catalog.forget_dead_segments() == [2, 4]
    del written.manifests[2], written.manifests[3], written.manifests[4]
    reopened = written.reopened()
    assert reopened.missing([1, 5]) is None
    assert reopened.forget_dead_segments() == [2, 4]  # the manifest still named them
    assert held(reopened) == held(written.catalog)


def test_rows_whose_place_nobody_tells_are_lost_and_it_says_so(written):
    del written.manifests[2]
    reopened = written.reopened()
    assert set(reopened.indexes["b"].runs[0].offsets) == {LOST}
    assert "segment 1" in (reopened.missing([1, 2, 3]) or "")
    assert "missing" in (written.catalog.missing([2, 3]) or "")


def test_a_segment_is_needed_while_a_row_of_it_is_live(written):
    catalog = written.catalog
    assert catalog.forget_dead_segments() == []
    catalog.apply([ResetLine("a", 0), ResetLine("b", 0)], 4)
    assert catalog.forget_dead_segments() == [3]  # segment 1 has a rescued row, 2 tells where
    catalog.apply([DropRescued(1)], 4)
    assert catalog.forget_dead_segments() == [1, 2]


def test_moved_rows_free_their_segment(written):
    catalog = written.catalog
    catalog.apply([MovedRows("a", 0, 1, array("I", (5,)), 10)], 4)
    catalog.apply([MovedRows("a", 1, 2, array("I", (15,)), 10)], 4)
    catalog.apply([MovedRows("b", 0, 0, array("I", (25,)), 10)], 4)
    assert catalog.forget_dead_segments() == [1]
    written.begin_segment()
    assert held(written.reopened()) == held(catalog)


def test_records_that_cannot_follow_are_corrupt(written):
    for record in (placed("a", 4, 1), placed("new", 1, 1), CutSuffix("a", 0)):
        with pytest.raises(Corrupt):
            written.catalog.apply([record], 4)
