"""Rescued suffixes at this node: what a deposed leader had and the line went on without.

They are never applied by themselves: a person looks, replays what is wanted (under the original
sessions and sequence numbers, so that what was retried meanwhile is not applied twice), and
drops the rest.
"""

from typing import Any

import msgspec

from plait.base.errors import Corrupt, NoSuchCollection
from plait.base.ports import LogStorage, RescuedSuffix
from plait.line.entry import Entry, Kind, decode_entry
from plait.line.primary.member import RescueNote
from plait.types.commands import (
    ClearTable,
    Command,
    CompareAndSet,
    Delete,
    Put,
    Transact,
    decode_payload,
    encode_group,
)

SHOWN_MAX = 1000  # records that `show` lists


class Rescue:
    """Lists, shows and takes apart rescued suffixes."""

    def __init__(self, storage: LogStorage) -> None:
        self._storage = storage

    def suffixes(self) -> list[dict[str, Any]]:
        """One row a suffix that holds records, oldest first."""
        found = []
        for suffix in self._storage.rescued():
            entries = self._entries(suffix.rescued)
            records = sum(entry.records for entry in entries)
            if records:
                found.append(_row(suffix, entries, records))
        return found

    def show(self, rescued: int) -> dict[str, Any]:
        """A suffix with its records, up to `SHOWN_MAX` of them."""
        suffix = self._suffix(rescued)
        entries = self._entries(rescued)
        row = _row(suffix, entries, sum(entry.records for entry in entries))
        shown: list[dict[str, Any]] = []
        for index, entry in enumerate(entries):
            for offset, command in enumerate(_commands(entry)):
                if len(shown) < SHOWN_MAX:
                    place = {"position": suffix.start + index, "offset": offset}
                    shown.append(place | _readable(command))
        return row | {"shown": shown}

    def groups(self, rescued: int) -> list[dict[str, Any]]:
        """The groups of a suffix as they were proposed: {"line", "group"}."""
        suffix = self._suffix(rescued)
        return [
            {
                "line": suffix.line,
                "group": encode_group(
                    group.session, group.first_sequence, group.answered_below,
                    [msgspec.msgpack.encode(command) for command in group.commands],
                ),
            }
            for entry in self._entries(rescued)
            if entry.kind is Kind.DATA and entry.records
            for group in decode_payload(entry.payload)
        ]  # fmt: skip

    def _suffix(self, rescued: int) -> RescuedSuffix:
        for suffix in self._storage.rescued():
            if suffix.rescued == rescued:
                return suffix
        raise NoSuchCollection(f"there is no rescued suffix {rescued} at this node")

    def _entries(self, rescued: int) -> list[Entry]:
        return [decode_entry(row) for row in self._storage.read_rescued(rescued)]


def _row(suffix: RescuedSuffix, entries: list[Entry], records: int) -> dict[str, Any]:
    try:
        note = msgspec.msgpack.decode(suffix.note, type=RescueNote)
    except msgspec.DecodeError as error:
        raise Corrupt(f"the note of rescued suffix {suffix.rescued}: {error}") from None
    return {
        "rescued": suffix.rescued,
        "line": suffix.line,
        "start": suffix.start,
        "entries": suffix.count,
        "records": records,
        "bytes": suffix.size,
        "epoch": str(entries[-1].epoch) if entries else "none",
        "cut_by": str(note.cut_by),
        "committed_here": note.committed_here,
        "time_ms": note.time_ms,
    }


def _commands(entry: Entry) -> list[Command]:
    if entry.kind is not Kind.DATA or not entry.records:
        return []
    return [command for group in decode_payload(entry.payload) for command in group.commands]


def _readable(command: Command) -> dict[str, Any]:
    """A command for people and for JSON."""
    match command:
        case Put(table, key, value):
            return {"command": "put", "table": table, "key": key, "value": _value(value)}
        case Delete(table, key):
            return {"command": "delete", "table": table, "key": key}
        case CompareAndSet(table, key, _, value):
            return {
                "command": "cas",
                "table": table,
                "key": key,
                "value": _value(value and value[0]),
            }
        case Transact(writes=writes):
            keys = [[write.table, write.key] for write in writes]
            return {"command": "transaction", "keys": keys}
        case ClearTable(table):
            return {"command": "clear", "table": table}
        case _:
            return {"command": type(command).__name__}


def _value(raw: msgspec.Raw | None) -> Any:
    return None if raw is None else msgspec.msgpack.decode(raw)
