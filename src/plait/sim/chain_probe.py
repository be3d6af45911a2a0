"""One line's chain, as every node has it: what it grows by, and what is applied of it.

- a version of the register holds one configuration, and each follows legally from the one before;
- a position holds one entry, in whatever segment a node reads it, and stands where its segment is;
- nothing is applied beyond what is committed before it;
- nothing is committed behind a seal; what a group commits there no client can have written.

Where a rule or an operator accepts loss, only configurations are looked at.

Source: the safety argument of Delos (OSDI '20), section 3: one configuration a version, one log.
"""

from collections.abc import Callable, Mapping

from plait.engines.chain import Chain
from plait.engines.replica import Replica
from plait.line.chain import Configuration, Segment
from plait.line.entry import Entry, decode_entry
from plait.node.line_host import LineHost
from plait.node.segments import MEMBERS, group_of, log_name
from plait.sim.line_truth import Ground, LineTruth


class ChainProbe:
    """All that is known of one line that can move."""

    def __init__(self, line: str, ground: Ground, logs: Mapping[str, LineTruth]) -> None:
        self._line = line
        self._ground = ground
        self._logs = logs
        self._versions: dict[int, Configuration] = {}
        self._entries: dict[int, tuple[Entry, str]] = {}  # by position, and who applied it first
        self._replicas: dict[str, Replica] = {}  # that are looked into, by machine
        self._looked: dict[str, int] = {}  # behind the seals, by segment's log

    def look(self, name: str, host: LineHost, chain: Chain) -> None:
        """At one node's handle."""
        if self._replicas.get(name) is not host.replica:
            self._replicas[name] = host.replica
            if host.folds:
                self._follow(name, chain, host.replica)
        for index, segment in enumerate(chain.configuration.segments[:-1]):
            stop, heard = chain.configuration.stop(index), chain._register.loglet(segment).committed
            if stop is not None and heard > stop:
                self._report(name, f"{segment} was sealed at {stop}, and ends at {heard}")
        if chain.version not in self._versions:
            self._meet(name, chain.version, chain.configuration)
        elif self._versions[chain.version] != chain.configuration:
            self._report(name, f"has another configuration at version {chain.version}")

    # ------------------------------------------------------------------ configurations

    def _meet(self, name: str, version: int, found: Configuration) -> None:
        self._versions[version] = found
        try:
            found.check()
            older = [known for known in self._versions if known < version]
            newer = [known for known in self._versions if known > version]
            if older:
                self._versions[max(older)].check_delta(found)
            if newer:
                found.check_delta(self._versions[min(newer)])
        except AssertionError as error:
            self._report(name, f"its chain at version {version} is not legal: {error}")
        for index, segment in enumerate(found.segments):
            stop = found.stop(index)
            if stop is not None and segment.engine == MEMBERS:
                self._look_behind(name, segment, stop)

    def _look_behind(self, name: str, segment: Segment, stop: int) -> None:
        log = log_name(self._line, group_of(segment.params).number)
        truth = self._logs.get(log)
        if truth is None or truth.lossy or log in self._looked:
            return
        self._looked[log] = stop
        for position in range(stop, truth.end):
            row = truth.ledger.get(position)
            if row is not None and decode_entry(row).records:
                self._report(name, f"{log} was sealed at {stop} and committed {position} with data")

    # ------------------------------------------------------------------ entries

    def _follow(self, name: str, chain: Chain, replica: Replica) -> None:
        right: Callable[[Entry], None] = replica._apply

        def apply(entry: Entry) -> None:
            position = replica.applied
            if not self._lossy():
                self._check(name, chain, position, entry)
            right(entry)

        replica._apply = apply  # type: ignore[method-assign]

    def _lossy(self) -> bool:
        return any(
            truth.lossy for log, truth in self._logs.items() if log.partition("@")[0] == self._line
        )

    def _check(self, name: str, chain: Chain, position: int, entry: Entry) -> None:
        known, first = self._entries.setdefault(position, (entry, name))
        if known != entry:
            self._report(
                name,
                f"applies {position} of {entry.epoch}, after {entry.record_index} records;"
                f" {first} had one of {known.epoch}, after {known.record_index}",
            )
        if position >= chain.committed:
            self._report(name, f"applies {position}, and only {chain.committed} is committed")
        configuration = chain.configuration
        if position >= configuration.segments[0].base:
            segment = configuration.segments[configuration.locate(position)]
            before = self._entries.get(segment.base - 1)
            used = segment.base_epoch if before is None else before[0].epoch.number
            if entry.epoch.number <= used or entry.record_index < segment.base_records:
                self._report(
                    name, f"applies {position} of {entry.epoch}, which is not of {segment}"
                )

    def _report(self, name: str, what: str) -> None:
        self._ground.report(self._line, (name,), what)
