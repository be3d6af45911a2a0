"""Where backups are kept: named bytes that are written once, and what a backup does with them.

A `Vault` is a folder, or anything that looks like one: a file appears whole under its name, or not
at all, and what was written stays as it is. Names have the form of relative paths.

Invariant: a piece that is there is not written again, so backups of one store share what they have
in common, whichever nodes made them. A manifest is written when its pieces are safe.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from functools import partial
from typing import Protocol, TypeVar

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings, Corrupt
from plait.base.ports import IncomingSnapshot, Snapshot
from plait.node.backup.layout import (
    MANIFEST_BYTES_MAX,
    MANIFESTS,
    MARKER,
    PIECE_BYTES,
    Blob,
    Manifest,
    Piece,
    decode_manifest,
    decode_marker,
    digest_of,
    encode_manifest,
    encode_marker,
    manifest_name,
    manifest_number,
    piece_name,
)
from plait.node.backup.throttle import Burst, Throttle

SIDE_BY_SIDE = 4  # pieces that are written at once, and in memory

T = TypeVar("T")


class Vault(Protocol):
    """The port; `plait.host.backup_folder` is one."""

    async def names(self, folder: str) -> list[str]:
        """The names below a folder, in order; none if it is not there."""
        ...

    async def size(self, name: str) -> int | None:
        """How long a file is; None if it is not there."""
        ...

    async def read(self, name: str, bytes_max: int) -> bytes:
        """All of a file. `Corrupt` if it is not there or longer than that."""
        ...

    async def write(self, name: str, data: bytes) -> None:
        """Put a file there, whole, in place of what bears its name. After a power cut it is there
        whole or not at all; once `settle` has returned it is there."""
        ...

    async def settle(self) -> None:
        """Return when a power cut takes nothing away of what was written, or found, before."""
        ...

    async def remove(self, *names: str) -> None:
        """Take files away, before any that is removed later; they may be gone already."""
        ...

    async def move(self, name: str, to: str) -> None:
        """Give a file another name, in one step; it may be gone already."""
        ...

    async def remove_drafts(self) -> None:
        """Take away what writes left that were broken off; never while somebody writes."""
        ...

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what takes the processor a while, so that nobody waits for it who need not."""
        ...


class Pieces:
    """Reads and writes pieces of one vault, and counts them."""

    def __init__(self, vault: Vault, throttle: Throttle | None = None) -> None:
        self.written_bytes = 0
        self.written = 0
        self._vault = vault
        self._throttle = throttle
        self._counted_on: dict[str, int] = {}  # pieces that were there, and their sizes

    async def put(self, data: bytes) -> Piece:
        """Keep bytes that are not there yet."""
        piece = Piece(await self._vault.aside(partial(digest_of, data)), len(data))
        name = piece_name(piece.digest)
        if await self._vault.size(name) != piece.size:
            await self._vault.write(name, data)
            self.written_bytes += piece.size
            self.written += 1
        else:
            self._counted_on[name] = piece.size
        return piece

    async def put_many(self, chunks: AsyncIterator[bytes]) -> list[Piece]:
        """Keep what comes, in its order: a few side by side, then a rest if there is a throttle."""
        found: list[Piece] = []
        while True:
            async with self.burst() as burst:
                few = await self._side_by_side(chunks)
                burst.size += sum(piece.size for piece in few)
            found += few
            if len(few) < SIDE_BY_SIDE:
                return found

    async def _side_by_side(self, chunks: AsyncIterator[bytes]) -> list[Piece]:
        tasks: list[asyncio.Task[Piece]] = []
        try:
            while len(tasks) < SIDE_BY_SIDE:
                data = await anext(chunks, None)
                if data is None:
                    break
                tasks.append(asyncio.create_task(self.put(data)))
            return list(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    def burst(self) -> AbstractAsyncContextManager[Burst]:
        """Around work that takes the machine from others."""
        return nullcontext(Burst()) if self._throttle is None else self._throttle.burst()

    async def aside(self, work: Callable[[], T]) -> T:
        """See `Vault`."""
        return await self._vault.aside(work)

    async def still_there(self) -> bool:
        """Whether what was not written again, for it was there, is there now."""
        for name, size in self._counted_on.items():
            if await self._vault.size(name) != size:
                self._counted_on.clear()
                return False
        return True

    async def get(self, piece: Piece) -> bytes:
        """The bytes, as they were; `Corrupt`."""
        name = piece_name(piece.digest)
        data = await self._vault.read(name, piece.size)
        digest = await self._vault.aside(partial(digest_of, data))
        if len(data) != piece.size or digest != piece.digest:
            raise Corrupt(f"{name} is damaged: it does not hold what its name says")
        return data

    async def put_copy(self, snapshot: Snapshot) -> Blob:
        """Keep the copy of a state."""
        crc = offset = 0

        def read() -> tuple[bytes, int]:
            data = snapshot.read(offset, PIECE_BYTES)
            return data, zlib.crc32(data, crc)

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal crc, offset
            while offset < snapshot.size:
                data, crc = await self._vault.aside(read)
                if not data:
                    raise Corrupt(f"a copy of {snapshot.size} bytes ends after {offset}")
                offset += len(data)
                yield data

        pieces = await self.put_many(chunks())
        if crc != snapshot.checksum:
            raise Corrupt("the copy of a state changed while it was read")
        return Blob(snapshot.size, crc, tuple(pieces))

    async def get_copy(self, blob: Blob, into: IncomingSnapshot) -> None:
        """Give the copy of a state to whoever receives one."""
        for piece in blob.pieces:
            into.write(await self.get(piece))

    async def put_rows(self, rows: Sequence[bytes]) -> Piece:
        """Keep encoded entries."""
        return await self.put(await self.encoded(rows))

    async def encoded(self, rows: Sequence[bytes]) -> bytes:
        """What `put_rows` keeps of them."""
        return await self._vault.aside(partial(encode, list(rows)))

    async def get_rows(self, piece: Piece) -> list[bytes]:
        """Encoded entries; `Corrupt`."""
        try:
            return decode(await self.get(piece), type=list[bytes])
        except msgspec.DecodeError as error:
            raise Corrupt(f"{piece_name(piece.digest)} holds no entries: {error}") from None


# ------------------------------------------------------------------------------- manifests


async def begin(vault: Vault, cluster: str) -> None:
    """See that the vault is one of this cluster's, or an empty one, which becomes it."""
    if await vault.size(MARKER) is None:
        if await vault.names(""):
            raise BadSettings("the folder is not empty, and holds no backup: name another one")
        await vault.write(MARKER, encode_marker(cluster))
    kept = await whose(vault)
    if kept != cluster:
        raise BadSettings(
            f"the folder holds backups of cluster {kept!r}; this is {cluster!r}: name another one"
        )


async def whose(vault: Vault) -> str:
    """The cluster that a vault belongs to; `BadSettings` if it is none."""
    if await vault.size(MARKER) is None:
        raise BadSettings("the folder holds no backup")
    return decode_marker(await vault.read(MARKER, MANIFEST_BYTES_MAX))


async def manifest_names(vault: Vault) -> list[str]:
    """Every manifest, oldest first."""
    names = [f"{MANIFESTS}/{name}" for name in await vault.names(MANIFESTS)]
    found = [(manifest_number(name), name) for name in names]
    return [name for number, name in sorted((n, name) for n, name in found if n is not None)]


async def read_manifest(vault: Vault, name: str) -> Manifest:
    """One manifest; `Corrupt`, `UnknownFormat`."""
    return decode_manifest(await vault.read(name, MANIFEST_BYTES_MAX), name)


async def read_manifests(vault: Vault) -> AsyncIterator[Manifest]:
    """Every manifest, oldest first. `BadSettings` if the vault is none."""
    await whose(vault)
    for manifest in (await manifests_by_name(vault)).values():
        yield manifest


async def manifests_by_name(
    vault: Vault, besides: Collection[str] = frozenset()
) -> dict[str, Manifest]:
    """All that were there at one moment, oldest first: whoever archives replaces them meanwhile.

    besides: those that are known already. `Corrupt` for one that cannot be read.
    """
    known: dict[str, Manifest] = {}
    while True:
        names = [name for name in await manifest_names(vault) if name not in besides]
        for name in names:
            if name in known:
                continue
            found = await _read_or_gone(vault, name)
            if found is None:
                break  # and another took its place
            known[name] = found
        else:
            return {name: known[name] for name in names}


async def _read_or_gone(vault: Vault, name: str) -> Manifest | None:
    """A manifest; None if it has gone since it was listed."""
    try:
        return await read_manifest(vault, name)
    except Corrupt:
        if name in await manifest_names(vault):
            raise
        return None


async def latest_manifest(vault: Vault) -> Manifest | None:
    """The newest one that can be read."""
    found = await latest_named(vault)
    return None if found is None else found[1]


async def latest_named(vault: Vault) -> tuple[str, Manifest] | None:
    """The newest one that can be read: an older one does as well to begin from."""
    names = await manifest_names(vault)
    while names:
        name = names.pop()
        try:
            found = await _read_or_gone(vault, name)
        except Corrupt:
            continue
        if found is not None:
            return name, found
        names = await manifest_names(vault)  # a newer one took its place
    return None


async def named_or_latest(vault: Vault, name: str) -> tuple[str, Manifest] | None:
    """The manifest called so, and if there is none (any more) the newest."""
    if name and name in await manifest_names(vault):
        with suppress(Corrupt):
            return name, await read_manifest(vault, name)
    return await latest_named(vault)


async def next_number(vault: Vault) -> int:
    """A number above all that are there."""
    names = await manifest_names(vault)
    return (manifest_number(names[-1]) or 0) + 1 if names else 1


async def put_manifest(vault: Vault, manifest: Manifest, token: str) -> str:
    """Finish a backup: from here on it is one. Its name."""
    name = manifest_name(manifest.number, token)
    await vault.settle()
    await vault.write(name, encode_manifest(manifest))
    await vault.settle()
    return name
