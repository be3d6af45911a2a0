"""Looking for registers that hold several writes, through all documents and without loading them.

What is in memory is looked at there. Of the rest each document's row is searched for the bytes
that a component with the tag begins with, and only a row that has them is decoded. So a collection
without such fields costs one scan of its rows, and nothing is held because of this.

Invariant: a register with concurrent writes is always given; one whose writes follow on each other
may be given, too, until they are folded.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from plait.types.held_documents import HeldDocuments, is_shown
from plait.types.paths import Path, tag_of
from plait.types.row_codec import DECODING, VISIBLE, corrupt, unseal
from plait.types.row_keys import DOCUMENTS, after
from plait.types.shelf_rows import ShelfRows
from plait.types.shelved_document import ShelvedDocument

Place = tuple[str, Path]


def contended(held: HeldDocuments, tags: Sequence[str], key: str | None) -> list[Place]:
    """Where registers with these tags hold several writes, by key and path; of one document, or of
    all that are visible. Raises `Corrupt`."""
    if key is not None:
        document = held.get(key)
        return sorted(_in_document(document, tags)) if document is not None else []
    found = [
        place for document in held.documents.values() for place in _in_document(document, tags)
    ]
    found += [place for place in _in_rows(held.rows, tags) if place[0] not in held.documents]
    return sorted(found)


def _in_document(document: ShelvedDocument, tags: Sequence[str]) -> Iterator[Place]:
    if is_shown(document):
        for path, object_ in document.objects.items():
            slots = object_.state.slots if tag_of(path[-1]) in tags else {}
            if any(len(cells) > 1 for cells in slots.values()):
                yield document.key, path


def _in_rows(rows: ShelfRows, tags: Sequence[str]) -> Iterator[Place]:
    marks = [f"{tag}:".encode() for tag in tags]
    for row, value in rows.scan(DOCUMENTS, after(DOCUMENTS)):
        if not any(mark in value for mark in marks) and not _is_spread(value):
            continue
        flags, content = unseal(row, value)
        if not flags & VISIBLE:
            continue
        key = rows.key(row)
        try:
            for path, _, data, _ in rows.records(key) if content[1] is None else content[1]:
                # slots that have rows of their own are many: let it be looked at
                if tag_of(path[-1]) in tags and (data is None or any(map(_is_full, data))):
                    yield key, tuple(path)
        except DECODING as error:
            raise corrupt(row, f"{type(error).__name__}: {error}") from None


def _is_spread(value: bytes) -> bool:
    """Whether the document's objects have rows of their own: its content ends with None."""
    return value.endswith(b"\xc0")


def _is_full(slot: Any) -> bool:
    """Whether a slot, as rows have it (its name, then cells), has several cells."""
    return len(slot) > 2
