"""Letting go of old backups: by rules, and never of what a backup that stays still needs.

A backup stays if any rule keeps it, and the newest always does. Then the pieces go that only those
named which went. A backup that is being taken meanwhile may count on a piece that goes. So a
piece is set aside first, then the manifests are looked at again, then it goes or is put back; and
who takes a backup looks at pieces again once the manifest is there (`taking`). One of the two sees
the other.

Invariant: manifests go before pieces, so whatever interrupts this leaves no backup that lacks one;
what it leaves behind is nobody's, and goes with `unnamed`. What it had set aside is put back, or
goes, when the next one begins.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from plait.base.errors import BadSettings
from plait.node.backup.layout import GOING, PIECES, Manifest, piece_name
from plait.node.backup.vault import Vault, manifests_by_name, whose

BATCH = 64  # pieces, between two looks at what is there
_DAY_MS = 86_400_000


class Rules(NamedTuple):
    """What stays. A backup stays if any of these keeps it."""

    newest: int = 1
    days: float = 0.0  # those of the last so many days
    daily: int = 0  # the newest of each of the last so many days (UTC) that have any


class Pruned(NamedTuple):
    """What went."""

    kept: tuple[str, ...]  # manifests
    removed: tuple[str, ...]  # manifests
    pieces: int
    bytes: int  # of pieces; those of unnamed ones are not counted


Tell = Callable[[int, int], Any]


def kept(backups: Iterable[tuple[str, int]], rules: Rules, now_ms: int) -> list[str]:
    """The names that stay, of names and times in the order of taking."""
    newest_first = list(backups)[::-1]
    names = [name for name, _ in newest_first[: max(1, rules.newest)]]
    if rules.days:
        since_ms = now_ms - rules.days * _DAY_MS
        names += [name for name, time_ms in newest_first if time_ms >= since_ms]
    days: dict[Any, str] = {}
    for name, time_ms in newest_first:
        days.setdefault(datetime.fromtimestamp(time_ms / 1000, UTC).date(), name)
    names += list(days.values())[: rules.daily]
    return sorted(set(names))


async def prune(
    vault: Vault,
    rules: Rules,
    now_ms: int,
    *,
    unnamed: bool = False,
    act: bool = True,
    tell: Tell = lambda done, of: None,
) -> Pruned:
    """Remove what no rule keeps. `Corrupt` for a manifest that cannot be read: it may need
    anything, so nothing goes then.

    unnamed: pieces that no backup names go too, such as interrupted backups leave; never while a
    backup is being taken. act: False only looks.
    """
    if min(rules) < 0:
        raise BadSettings("rules count backups and days: none can be negative")
    await whose(vault)
    found = await manifests_by_name(vault)
    stay = kept([(name, one.time_ms) for name, one in found.items()], rules, now_ms)
    goes = {name: one for name, one in found.items() if name not in stay}
    needed = _digests(found[name] for name in stay)
    sizes = _sizes(goes.values(), needed)
    total = sum(sizes.values())
    if unnamed and act:
        await vault.remove_drafts()
    if unnamed:
        for digest in await _unnamed(vault, needed | set(sizes)):
            sizes[digest] = 0
    if act:
        await _finish(vault, _digests(found.values()))
        await vault.remove(*goes)
        await _remove_pieces(vault, sorted(sizes), needed, set(stay), tell)
    return Pruned(tuple(stay), tuple(goes), len(sizes), total)


async def let_go(vault: Vault, digests: Iterable[str]) -> None:
    """Remove pieces that backups named which others took the place of, if nothing needs them."""
    found = await manifests_by_name(vault)
    needed = _digests(found.values())
    goes = sorted(set(digests) - needed)
    await _finish(vault, needed)
    await _remove_pieces(vault, goes, needed, set(found), lambda done, of: None)


def _sizes(goes: Iterable[Manifest], needed: set[str]) -> dict[str, int]:
    return {
        digest: piece.size
        for one in goes
        for digest, piece in one.pieces().items()
        if digest not in needed
    }


async def _remove_pieces(
    vault: Vault, digests: list[str], needed: set[str], known: set[str], tell: Tell
) -> None:
    for start in range(0, len(digests), BATCH):
        for digest in digests[start : start + BATCH]:
            if digest not in needed:
                await vault.move(piece_name(digest), f"{GOING}/{digest}")
        new = await manifests_by_name(vault, known)
        known |= set(new)
        needed |= _digests(new.values())
        await _finish(vault, needed)
        tell(min(start + BATCH, len(digests)), len(digests))


async def _finish(vault: Vault, needed: set[str]) -> None:
    """Put back what was set aside and is needed; the rest goes."""
    aside = await vault.names(GOING)
    for digest in aside:
        if digest in needed:
            await vault.move(f"{GOING}/{digest}", piece_name(digest))
    await vault.remove(*[f"{GOING}/{digest}" for digest in aside if digest not in needed])


async def _unnamed(vault: Vault, named: set[str]) -> list[str]:
    found = []
    for folder in await vault.names(PIECES):
        found += [name for name in await vault.names(f"{PIECES}/{folder}") if name not in named]
    return found


def _digests(manifests: Iterable[Manifest]) -> set[str]:
    return {digest for one in manifests for digest in one.pieces()}
