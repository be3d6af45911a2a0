"""Under which name this store writes into a shared folder (or relay), and which files are its own.

A writer's name and the tokens of its files are kept in the node's own log, tokens before they are
used. So a file under the own name with an unknown token was written by somebody who believes to be
this store: a copy of the data folder, or what it was before it was restored. Then a fresh name is
taken; what stands under the old one is another's from then on.

Invariant: a token is durable before a file bears it.
"""

from collections.abc import Iterable

import msgspec

from plait.base.codec import encode
from plait.base.ports import PutHardState, Random, Storage
from plait.host.shared_folder import Found, Label
from plait.node.written import written

PREFIX = "folder/"  # of lines of the log that have hard state only
TOKENS_MAX = 2048  # a file that comes back after so many others is taken for another's
AHEAD = 16  # tokens that are made durable at once
WRITERS_MAX = 64


class _Record(msgspec.Struct, frozen=True, array_like=True, tag="folder-writer"):
    number: int  # every file so far has a smaller one
    lost: bool  # somebody else writes under this name
    used: tuple[str, ...]
    ahead: tuple[str, ...]


_decoder = msgspec.msgpack.Decoder(_Record)


class Writer:
    """This store's name in one shared folder."""

    def __init__(
        self,
        storage: Storage,
        random: Random,
        name: str,
        record: _Record,
        there: Iterable[str],
        prefix: str = PREFIX,
    ) -> None:
        self.name = name
        self._line = prefix + name
        self._storage = storage
        self._random = random
        # what was ahead may have been used just before a crash
        self._record = _Record(record.number, record.lost, record.used + record.ahead, ())
        self._there = frozenset(there)  # tokens of the files in the folder: never forgotten

    def owns(self, label: Label) -> bool:
        """Whether this store wrote the file."""
        return label.writer == self.name and label.token in self._record.used

    async def label(self, kind: str, about: bytes) -> Label:
        """A label for one more file."""
        record = self._record
        if not record.ahead:
            fresh = tuple([f"{self._random.getrandbits(32):08x}" for _ in range(AHEAD)])
            record = _Record(record.number + AHEAD, False, self._remembered(), fresh)
            await self._keep(record)
        number = record.number - len(record.ahead)
        token, ahead = record.ahead[0], record.ahead[1:]
        self._record = _Record(record.number, False, (*record.used, token), ahead)
        return Label(self.name, number, token, kind, about)

    def _remembered(self) -> tuple[str, ...]:
        used = self._record.used
        older = [token for token in used[:-TOKENS_MAX] if token in self._there]
        return (*older, *used[-TOKENS_MAX:])

    async def give_up(self) -> None:
        """Never write under this name again."""
        await self._keep(_Record(self._record.number, True, (), ()))

    async def _keep(self, record: _Record) -> None:
        await written(self._storage.log, (PutHardState(self._line, encode(record)),))
        self._record = record


async def find_writer(
    storage: Storage, random: Random, files: Iterable[Found], prefix: str = PREFIX
) -> Writer:
    """The writer that this store is where `files` are; a fresh one if it is none.

    prefix: of the lines in which names are kept; what shares one is never written at once.
    """
    there: dict[str, list[Label]] = {}
    for file in files:
        there.setdefault(file.label.writer, []).append(file.label)
    records = _records(storage, prefix)
    for name in sorted(set(records) & set(there)):
        if records[name].lost:
            continue
        tokens = [label.token for label in there[name]]
        writer = Writer(storage, random, name, records[name], tokens, prefix)
        if all(writer.owns(label) for label in there[name]):
            return writer
        await writer.give_up()
    unused = sorted(name for name in set(records) - set(there) if not records[name].lost)
    if len(unused) >= WRITERS_MAX:
        return Writer(storage, random, unused[0], records[unused[0]], (), prefix)
    fresh = f"{random.getrandbits(64):016x}"
    return Writer(storage, random, fresh, _Record(0, False, (), ()), (), prefix)


def _records(storage: Storage, prefix: str) -> dict[str, _Record]:
    records = {}
    for line, extent in storage.log.lines().items():
        if line.startswith(prefix) and extent.hard_state is not None:
            try:
                records[line.removeprefix(prefix)] = _decoder.decode(extent.hard_state)
            except ValueError:
                continue  # another version's; its files are another writer's
    return records
