"""Applying an entry: which commands are new, what the machine makes of them, what is remembered.

The one place where the log meets the state. It is synchronous and has no effect but on the view
and the sessions, so that an entry is applied whole or not at all. What had no effect (a failed
condition, a retry) is noted in the INEFFECTIVE space, where feeds look it up.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from plait.base.errors import Corrupt
from plait.line.entry import Entry, Kind
from plait.line.epochs import EpochHistory
from plait.line.outcome import Failed, Failures, Outcome, Result, Returned, Returns, Run
from plait.line.sessions import Barred, Fresh, Repeated, Sessions
from plait.types.commands import (
    Audit,
    Command,
    EvictSession,
    Group,
    OpenSession,
    Verdict,
    decode_payload,
    seed_of,
)
from plait.types.fold import Stamp, View
from plait.types.keys import INEFFECTIVE, encode_run, place_key
from plait.types.machine import Machine, stamp_after


class Decided(NamedTuple):
    """What became of one group: an `Outcome` that does not know its epoch yet."""

    position: int
    offset: int
    version: int
    failures: Failures
    runs: tuple[Run, ...] = ()
    returns: Returns = ()


def groups_of(entry: Entry, decoded: list[Group] | None) -> list[Group]:
    """The groups of an entry, unless `decoded` already; `Corrupt` if they are miscounted."""
    if entry.kind is not Kind.DATA or not entry.records:
        return []
    groups = decoded or decode_payload(entry.payload)
    if sum(len(group.commands) for group in groups) != entry.records:
        raise Corrupt(f"an entry of {entry.records} records holds another number of commands")
    return groups


def check_follows(line: str, position: int, entry: Entry, applied: int) -> None:
    """`Corrupt` unless the entry at `position` stands after the records that were applied."""
    if entry.record_index != applied:
        raise Corrupt(
            f"entry {position} of line {line} stands after {entry.record_index} records, "
            f"but {applied} were applied"
        )


def apply_entry(
    machine: Machine,
    sessions: Sessions,
    view: View,
    position: int,
    entry: Entry,
    groups: list[Group],
    time_ms: int,
) -> list[Decided]:
    """Apply `entry`, which stands at `position` and holds `groups`; what became of each group."""
    decided: list[Decided] = []
    stamp = Stamp(position, 0, entry.record_index, time_ms, seed_of(entry.payload))
    for group in groups:
        decided.append(_apply_group(machine, sessions, view, stamp, group))
        stamp = stamp_after(stamp, len(group.commands))
    return decided


def outcomes_of(decided: list[Decided], epochs: EpochHistory) -> list[Outcome]:
    """What became of each group, with the epochs that ordered it."""
    return [
        Outcome(
            epochs.owner(group.position), group.position, group.offset, group.version,
            group.failures, tuple(replace(r, epoch=epochs.owner(r.position)) for r in group.runs),
            group.returns,
        )
        for group in decided
    ]  # fmt: skip


def _apply_group(
    machine: Machine, sessions: Sessions, view: View, stamp: Stamp, group: Group
) -> Decided:
    commands = group.commands
    if _is_for_the_replica(group):
        return _apply_one_by_one(machine, sessions, view, stamp, group)
    parts = sessions.admit(
        group.session, group.first_sequence, group.answered_below, len(commands), stamp.position
    )
    failures: list[tuple[int, Failed]] = []
    returns: list[tuple[int, bytes]] = []
    runs: list[Run] = []
    for part in parts:
        here = stamp_after(stamp, part.index) if part.index else stamp
        match part:
            case Fresh(index, count):
                whole = count == len(commands)
                wanted = commands if whole else commands[index : index + count]
                failed, said = _told_apart(machine.apply_all(view, here, wanted))
                place = (here.position, here.offset, here.version + 1)
                first = group.first_sequence + index
                sessions.remember(group.session, first, count, place, failed, said)
                failures.extend((index + at, error) for at, error in failed)
                returns.extend((index + at, value) for at, value in said)
                for at, _ in failed:
                    _note_ineffective(view, stamp_after(here, at), 1)
                runs.append(Run(index, count, *place))
            case Repeated(_, run, failed, said):
                failures.extend(failed)
                returns.extend(said)
                _note_ineffective(view, here, run.count)
                runs.append(run)
            case Barred(index, count, failed_all):
                failures.extend((index + at, failed_all) for at in range(count))
                _note_ineffective(view, here, count)
                runs.append(Run(index, count, here.position, here.offset, here.version + 1))
    return _decided(runs, tuple(failures), tuple(returns))


def _decided(runs: list[Run], failures: Failures, returns: Returns) -> Decided:
    if len(runs) == 1:
        (run,) = runs
        return Decided(run.position, run.offset, run.version, failures, (), returns)
    last = max(runs, key=lambda run: run.position)
    return Decided(last.position, last.offset, last.version, failures, tuple(runs), returns)


def _told_apart(results: Sequence[tuple[int, Result]]) -> tuple[Failures, Returns]:
    if not results:
        return (), ()
    failures = tuple((at, result) for at, result in results if isinstance(result, Failed))
    returns = tuple((at, result.value) for at, result in results if isinstance(result, Returned))
    return failures, returns


def _is_for_the_replica(group: Group) -> bool:
    """Its commands stand in a group of session 0, or alone in one (before that is known)."""
    if group.session == 0:
        return any(type(command) in _REPLICA_COMMANDS for command in group.commands)
    return len(group.commands) == 1 and type(group.commands[0]) in _REPLICA_COMMANDS


_REPLICA_COMMANDS = (OpenSession, EvictSession, Audit, Verdict)


def _apply_one_by_one(
    machine: Machine, sessions: Sessions, view: View, stamp: Stamp, group: Group
) -> Decided:
    """Without remembering: opening twice is harmless, evicting is conditional."""
    results: list[tuple[int, Result]] = []
    for index, command in enumerate(group.commands):
        here = stamp_after(stamp, index)
        result = _apply_one(machine, sessions, view, here, command)
        if result is not None:
            results.append((index, result))
        if isinstance(result, Failed):
            _note_ineffective(view, here, 1)
    failures, returns = _told_apart(results)
    return Decided(stamp.position, stamp.offset, stamp.version + 1, failures, (), returns)


def _apply_one(
    machine: Machine, sessions: Sessions, view: View, stamp: Stamp, command: Command
) -> Result | None:
    match command:
        case OpenSession(session=session):
            return sessions.open(session, stamp.position)
        case EvictSession(session=session, last_used=last_used):
            return sessions.evict(session, last_used)
        case Audit() | Verdict():
            return None  # it is the ledger's, once the whole entry is applied
        case _:
            return machine.apply(view, stamp, command)


def _note_ineffective(view: View, stamp: Stamp, count: int) -> None:
    view.put(INEFFECTIVE, place_key(stamp.position, stamp.offset), encode_run(count))
