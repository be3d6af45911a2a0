"""Ending a segment: by sealing its loglet, or because a person says that it is dead.

Invariant: a tail is forced only where sealing failed, only with an intent recorded, and the
configuration keeps who ordered it. Source: decision 13.
"""

import asyncio

from plait.base.errors import (
    BadSettings,
    Closed,
    Conflict,
    HistoryTrimmed,
    NotLeader,
    PlaitError,
    Unavailable,
)
from plait.engines.register import Register
from plait.line.chain import Forced, Next, Segment
from plait.line.loglet import Loglet, Origin

SEAL_S = 10.0  # a loglet that takes longer is taken for dead: whoever waits is told, and may retry


async def sealed_end(segment: Segment, loglet: Loglet) -> Origin:
    """Seal the loglet; where what follows it begins. `Unavailable` if it does not answer."""
    try:
        async with asyncio.timeout(SEAL_S):
            return await _end_at(segment, loglet, await loglet.seal())
    except TimeoutError:
        raise Unavailable(f"{segment} could not be sealed within {SEAL_S:g} s") from None


async def complete(register: Register) -> None:
    """Do what is intended, if anything is: seal, read the tail, put the next segment in.

    Writers wait meanwhile, so nothing is asked that is known: an intent is never withdrawn, and
    where another took its place the compare-and-set says so.
    """
    if register.configuration.intent is None:
        await register.refresh()
    while register.configuration.intent is not None:
        version, configuration = register.version, register.configuration
        segment, loglet = register.last
        try:
            end = await sealed_end(segment, loglet)
        except Closed:  # somebody else was faster, and let it go, too
            await register.refresh()
            register.check_gone(segment)
            continue
        except HistoryTrimmed as error:  # a copy of the state took the place of its entries here
            await register.refresh()
            if register.configuration.last == segment:
                raise Unavailable(f"others have to end {segment}: {error.message}") from error
            continue
        except PlaitError:
            await register.refresh()
            if register.configuration.last == segment:
                raise
            continue  # somebody else ended it
        await register.propose(version, configuration.completed(end))


async def make_way(register: Register, following: Next) -> None:
    """See that `following` could be created; it takes the place of what is intended already if
    that was never adopted, and its engine does not answer, or would not do, any more."""
    await register.prepare(following)
    version, configuration = register.version, register.configuration
    if isinstance(configuration.intent, Next) and configuration.intent != following:
        try:
            await register.prepare(configuration.intent)
        except (Unavailable, BadSettings):
            await register.propose(version, configuration.intending_instead(following))


async def ask_again(register: Register) -> None:
    """Raise whatever speaks by now against what others intended, before anything is sealed for it:
    as long as nothing is, the line goes on where it stands."""
    intent = register.configuration.intent
    if isinstance(intent, Next):
        await register.prepare(intent)


async def force(
    register: Register, tail: int, by: str, time_ms: int, below: Origin | None
) -> Forced | None:
    """`Chain.force`: end the last segment at `tail` if it cannot be sealed."""
    await register.refresh()
    version, configuration = register.version, register.configuration
    if configuration.intent is None:
        raise BadSettings("nothing is intended: extend or seal, and see that it cannot be done")
    segment, loglet = register.last
    if tail < max(segment.base, configuration.head):
        raise BadSettings(f"{tail} is below {segment}, or trimmed")
    if below is not None and not _can_be(below, segment, tail):
        raise BadSettings(f"{below} cannot be what stands below {tail} in {segment}")
    if below is None and loglet.committed < tail:
        raise BadSettings(f"what stands below {tail} cannot be read here: say it")
    try:
        proposed = configuration.completed(await sealed_end(segment, loglet))
    except PlaitError as error:
        if isinstance(error, NotLeader) and error.leader is not None:
            raise  # it is alive elsewhere
        at = below or await _end_at(segment, loglet, tail)
        proposed = configuration.forced(at, max(tail, loglet.committed), by, time_ms)
    await register.propose(version, proposed)
    if register.configuration.forcings[: len(proposed.forcings)] != proposed.forcings:
        raise Conflict("the chain changed meanwhile: look again")
    return register.configuration.forcing(segment)


def _can_be(below: Origin, segment: Segment, tail: int) -> bool:
    enough = below.epoch >= segment.base_epoch and below.records >= segment.base_records
    return below.position == tail and enough


async def _end_at(segment: Segment, loglet: Loglet, tail: int) -> Origin:
    """What follows the entries of the segment below `tail`."""
    if tail == segment.base:
        return segment.origin
    if loglet.committed < tail:
        raise Unavailable(f"what stands below {tail} is not known here")
    (entry,) = await loglet.read(tail - 1, tail)
    return Origin(tail, entry.epoch.number, entry.records_end)
