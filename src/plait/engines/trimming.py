"""Trimming a chain: its loglets forget, and segments that are wholly below fall away.

Invariant: a segment leaves the configuration only once its loglet has forgotten it, or can never
again. Absent: how far; whoever trims knows who needs what.
"""

from functools import partial

from plait.base.errors import Closed, PlaitError
from plait.engines.register import Register


async def trim(register: Register, before: int, committed: int) -> None:
    """`Chain.trim`: forget entries below `before`."""
    configuration, hidden = register.configuration, committed - 1
    for index, segment in enumerate(configuration.segments):
        stop = configuration.stop(index)
        here = min(before, hidden if stop is None else stop)
        if here > segment.base and segment in register.configuration.segments:
            try:
                await register.ask(segment, partial(register.loglet(segment).trim, here))
            except Closed:
                register.check_gone(segment)
            except PlaitError:
                if configuration.forcing(segment) is None:
                    raise  # what is dead need not forget
    while _needs_trim(register, before):
        await register.propose(register.version, register.configuration.trimmed(before))


def _needs_trim(register: Register, before: int) -> bool:
    """Whether the loglets alone do not express a head at `before`."""
    segments = register.configuration.segments
    return register.head < before or (len(segments) > 1 and segments[1].base <= before)
