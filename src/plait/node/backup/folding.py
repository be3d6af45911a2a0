"""Folding entries onto a state that no replica has: to restore the control line, and to compare.

Does what a replica does to its state file, and nothing else: the same rows, sessions, checkpoint
and hash come out. Nobody is answered, and nothing is followed.
"""

import asyncio
from collections.abc import AsyncIterator

from plait.base.errors import Corrupt, PlaitError
from plait.base.ports import Clock, StateStorage
from plait.engines.apply import apply_entry, groups_of
from plait.engines.audit import Ledger
from plait.engines.checkpoint import Checkpoint, collect, load_checkpoint, load_sessions
from plait.engines.overlay import Overlay
from plait.line.entry import Entry
from plait.line.epochs import EpochHistory
from plait.node.backup.line_taking import state_hash
from plait.types.machine import Machine

FLUSH_BYTES = 8 << 20


class Folding:
    """The fold of one line over its state file."""

    def __init__(self, line: str, state: StateStorage, machine: Machine, clock: Clock) -> None:
        checkpoint = load_checkpoint(state)
        self.view = Overlay(state)
        self.applied = checkpoint.applied
        self.records = checkpoint.record_index
        self.time_ms = checkpoint.time_ms
        self.epochs = EpochHistory(checkpoint.spans)
        self._line = line
        self._state = state
        self._machine = machine
        self._sessions = load_sessions(state)
        self._ledger = Ledger(line, self.view, clock)
        self._ledger.begin(checkpoint.hash, checkpoint.audits)
        machine.load(self.view)

    @property
    def state_hash(self) -> str:
        """What the state comes to, in hexadecimal digits; "" if that is not known."""
        ledger = self._ledger.hash
        return state_hash(ledger, self._machine).hex() if ledger else ""

    async def carry_on(self, entries: AsyncIterator[tuple[int, Entry]]) -> None:
        """Apply what stands behind the state; `Corrupt` if that does not follow on it."""
        async for position, entry in entries:
            if position < self.applied:
                continue
            self._apply(position, entry)
            if self.view.unfrozen_bytes > FLUSH_BYTES:
                await self.flush()
        await self.flush()

    def _apply(self, position: int, entry: Entry) -> None:
        if position != self.applied or entry.record_index != self.records:
            raise Corrupt(
                f"entry {position} of {self._line}, after {entry.record_index} records, does not "
                f"follow on a state at {self.applied} with {self.records}"
            )
        groups = groups_of(entry, None)
        self.time_ms = max(self.time_ms, entry.time_ms)
        apply_entry(
            self._machine, self._sessions, self._ledger.view, position, entry, groups, self.time_ms
        )
        self._ledger.applied(entry.epoch, position, groups, self._machine)
        self.epochs.observe(entry.epoch, position)
        self.records = entry.records_end
        self.applied = position + 1

    async def flush(self) -> None:
        """Put everything into the state file."""
        self._machine.save(self.view)
        checkpoint = Checkpoint(
            self.applied, self.records, self.time_ms, self.epochs.spans, self._ledger.hash,
            self._ledger.points,
        )  # fmt: skip
        collect(self.view, checkpoint, self._sessions, 0)
        done: asyncio.Future[PlaitError | None] = asyncio.get_running_loop().create_future()
        self._state.submit(self.view.freeze(), done.set_result)
        error = await done
        self.view.thaw(error is None)
        if error is not None:
            raise error
