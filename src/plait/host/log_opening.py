"""What a log's folder holds when it is opened, and whether that is all it held.

The newest segment that begins with a good manifest is replayed: manifest, then frame after frame
up to the first that is none. What follows that end decides between *torn* and *damaged*; one
frame is written at a time, each after the one before was synced, so

- a header with a higher sequence number than the frame in doubt, there or in a newer segment,
- a `Mark` beyond the last good frame,
- a live row whose segment, or place in it, is not known any more

are damage: frames that were acknowledged are missing. All else behind the end is a torn last
frame, which nobody was told of, and the zeros of a segment that was laid out.

Nothing is written here: whoever opens a damaged log finds it as it was. Source of the shape:
Ongaro's LogCabin (segments laid out in advance), Bitcask (an index that is rebuilt by reading).
"""

import msgspec

from plait.base.errors import Corrupt, UnknownFormat
from plait.host.log_catalog import Catalog, Manifest
from plait.host.log_frames import (
    SALT_BYTES,
    Frame,
    frames_after,
    read_frame,
    read_header,
    witness_after,
)
from plait.host.log_records import decode_manifest, decode_records
from plait.host.segments import Segments


class Found(msgspec.Struct, frozen=True):
    """A log as it was found."""

    catalog: Catalog
    number: int  # the segment that was replayed
    first: Frame  # the one with its manifest
    last: Frame  # its last good frame
    torn: bool  # something that is neither a frame nor zeros follows
    sequence_next: int  # the next frame's; beyond all that were ever acknowledged
    damage: str | None  # why acknowledged frames may be missing


def find_log(segments: Segments, mark: tuple[bytes, int] | None) -> Found | None:
    """What is there; None if there are no segments. `Corrupt` if none can be read at all."""
    numbers = segments.numbers()
    if not numbers:
        return None
    headless: dict[int, bytes] = {}
    for number in reversed(numbers):
        content = segments.content(number)
        first = read_frame(content, 0)
        manifest = None if first is None else _manifest(content, first)
        # A manifest of another number was written to the wrong place.
        if first is not None and manifest is not None and manifest.number == number:
            return _replay(segments, content, first, manifest, headless, mark)
        headless[number] = content
    raise Corrupt(f"no segment of the log {segments.path} begins as it should")


def _manifest(content: bytes, frame: Frame) -> Manifest | None:
    encoded = decode_manifest(content, frame.body, frame.end)
    if encoded is None:
        return None
    try:
        return msgspec.msgpack.decode(encoded, type=Manifest)
    except msgspec.DecodeError as error:
        raise UnknownFormat(f"the log has a manifest that cannot be read: {error}") from error


def _replay(
    segments: Segments,
    content: bytes,
    first: Frame,
    manifest: Manifest,
    headless: dict[int, bytes],
    mark: tuple[bytes, int] | None,
) -> Found:
    def lookup(number: int) -> Manifest | None:
        try:
            earlier = segments.content(number)
        except OSError:
            return None
        frame = read_frame(earlier, 0)
        found = None if frame is None else _manifest(earlier, frame)
        return found if found is not None and found.number == number else None

    catalog = Catalog.from_manifest(manifest, lookup)
    last = first
    for frame in frames_after(content, first):
        catalog.apply(decode_records(content, frame.body, frame.end), manifest.number)
        last = frame
    damage = (
        _behind(content, last, manifest.number, headless)
        or _short_of_mark(last, mark)
        or catalog.missing(segments.numbers())
    )
    used = [last.sequence]
    if damage is not None:
        # What is merely torn is removed, and its number taken again: the chain has no gaps.
        used += [mark[1]] if mark is not None else []
        used += _announced(content, last.end, last)
        for other in headless.values():
            used += _announced(other, 0, last)
    return Found(
        catalog,
        manifest.number,
        first,
        last,
        content.count(0, last.end) < len(content) - last.end,
        max(used) + 1,
        damage,
    )


def _behind(content: bytes, last: Frame, number: int, headless: dict[int, bytes]) -> str | None:
    """Damage shown by headers that were written after the frame behind `last` was synced."""
    bad = f"frame {last.sequence + 1} of the log, in segment {number} at {last.end}, is bad"
    at = witness_after(content, last.end, last.salt, last.sequence + 1)
    if at is not None:
        return f"{bad}, but a later one stands behind it at {at}"
    for newer, other in headless.items():
        at = witness_after(other, 0, last.salt, last.sequence + 1)
        if at is not None:
            return f"{bad}, but a later one stands in segment {newer} at {at}"
    return None


def _short_of_mark(last: Frame, mark: tuple[bytes, int] | None) -> str | None:
    if mark is None:
        return None
    salt, sequence = mark
    if salt != last.salt:
        return "the mark beside the log is another log's"
    if sequence > last.sequence:
        return f"the log is good up to frame {last.sequence}, but was synced up to {sequence}"
    return None


def _announced(content: bytes, start: int, last: Frame) -> list[int]:
    """Sequence numbers that headers from `start` on bear, whatever became of their frames."""
    found = []
    at = content.find(last.salt, start)
    while at >= 0:
        header = read_header(content, at)
        if header is not None:
            found.append(header[0].sequence)
        at = content.find(last.salt, at + SALT_BYTES)
    return found
