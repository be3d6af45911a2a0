"""The judge of a storm: equal bytes, equal values, nothing flushed lost, counts as they were."""

from typing import Protocol

from graph_storm_machines import (
    COUNT,
    DOCUMENTS,
    GROWN,
    LEDGER,
    Machine,
    tokens_of,
    values_of,
)

from plait.base.causality import VersionVector
from plait.base.codec import encode
from plait.types.catalogue import type_of
from plait.types.paths import tag_of


class Record(Protocol):
    """The storm, as far as its judge needs it; `written` and `flushed` are tokens."""

    machines: list[Machine]
    written: set[str]
    flushed: set[str]
    wrong: list[str]


def converged(machines: list[Machine]) -> bool:
    """Whether everybody has everything, may write, and lacks nothing of its own."""
    replicas = [machine.replica for machine in machines]
    if any(replica._error is not None for replica in replicas):
        return False
    for replica in replicas:
        replica.settle()
    return all(
        dict(replica.vector) == dict(replicas[0].vector)
        and replica.parts.scope.writable
        and not replica.parts.lost
        for replica in replicas
    )


def check(storm: Record) -> None:
    """Equal bytes, equal values, nothing flushed lost, everything counted exactly once."""
    replicas = [machine.replica for machine in storm.machines]
    assert not storm.wrong, storm.wrong[:5]
    cut = VersionVector()
    for replica in replicas:
        cut.merge(replica.parts.scope.cut())
        cut.merge(replica.parts.scope.stable)
    read = [values_of(replica) for replica in replicas]
    first = read[0]
    for machine, values in zip(storm.machines, read, strict=True):
        differs = [where for where in {**first, **values} if first.get(where) != values.get(where)]
        assert not differs, [
            (machine.name, where, first.get(where), values.get(where)) for where in differs[:3]
        ]
    if len({replica.parts.shelf.canonical(cut) for replica in replicas}) > 1:
        raise AssertionError(f"bytes differ: {difference(storm.machines, cut)}")
    tokens = tokens_of(replicas[0])
    assert tokens <= storm.written, f"from nowhere: {sorted(tokens - storm.written)}"
    assert storm.flushed <= tokens, f"lost: {sorted(storm.flushed - tokens)}"
    for path in (COUNT, GROWN):
        state = replicas[0].object(LEDGER, path)
        count = 0 if state is None else type_of(tag_of(path[-1])).value(state)
        assert count == len(tokens), f"{path} counts {count} of {len(tokens)}"


def difference(machines: list[Machine], cut: VersionVector) -> str:
    for key in DOCUMENTS:
        images = {m.name: m.replica.parts.shelf.image(key, cut) for m in machines}
        if len({encode(image) for image in images.values()}) > 1:
            return "\n".join(f"{key} {name}: {image}" for name, image in images.items())
    return "in another document"
