"""What several nodes' statuses tell that none of them can: clocks, versions and settings that
differ, and what the loss of each node would do.

Invariant: pure; statuses are those of `Store.status()`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

CLOCK_WARN_S = 1.0
CLOCK_BAD_S = 60.0  # documents of a clock that is further ahead wait
CONSENSUS = "consensus"

Status = Mapping[str, Any]


class Loss(NamedTuple):
    """What happens if one more node is lost."""

    node: str
    goes_on: bool  # whether every line takes writes, once somebody else leads
    what: str


def differences(nodes: Mapping[str, Status], asked_s: float) -> list[dict[str, Any]]:
    """Findings over all nodes that answered. asked_s: from asking them to the last answer."""
    up = {name: node for name, node in sorted(nodes.items()) if "error" not in node}
    found = [*_clocks(up, asked_s), *_versions(up), *_settings(up), *_quorum(nodes, up)]
    return [
        {"severity": severity, "where": "the nodes", "what": what, "remedy": remedy}
        for severity, what, remedy in found
    ]


def _clocks(up: Mapping[str, Status], asked_s: float) -> Iterator[tuple[str, str, str]]:
    times = sorted((node["clock_ms"] / 1000, name) for name, node in up.items())
    if len(times) < 2:
        return
    (early, slow), (late, fast) = times[0], times[-1]
    apart_s = late - early - asked_s  # certainly
    if apart_s > CLOCK_WARN_S:
        severity = "refuse" if apart_s > CLOCK_BAD_S else "warn"
        what = f"the clock of {fast} is at least {apart_s:.1f} s ahead of that of {slow}"
        yield severity, what, "run chrony or systemd-timesyncd on every machine"


def _versions(up: Mapping[str, Status]) -> Iterator[tuple[str, str, str]]:
    versions = {name: node["version"] for name, node in up.items()}
    if len(set(versions.values())) > 1:
        told = ", ".join(f"{name} {version}" for name, version in versions.items())
        what = f"programs differ: {told}; what only the newest can write is not written"
        yield "warn", what, "upgrade the others, one after the other"


def _settings(up: Mapping[str, Status]) -> Iterator[tuple[str, str, str]]:
    keys = sorted({key for node in up.values() for key in node["limits"]})
    for key in keys:
        values = {name: node["limits"].get(key) for name, node in up.items()}
        if len(set(values.values())) > 1:
            told = ", ".join(f"{value} at {name}" for name, value in values.items())
            yield "warn", f"limits.{key} differs: {told}", "give every node the same [limits]"


def _quorum(
    nodes: Mapping[str, Status], up: Mapping[str, Status]
) -> Iterator[tuple[str, str, str]]:
    voters = _control(up).get("members", [])
    if len(voters) == 2:
        what = "there are two nodes: if either is gone, consensus stands still"
        yield "warn", what, "have three: `plait join` one more, as a --witness if need be"
    down = [name for name in voters if name not in up]
    if voters and 2 * len(down) >= len(voters):
        what = f"{', '.join(down)} of {', '.join(voters)} do not answer: there is no majority"
        yield "refuse", what, "start them; if they are lost for ever: `plait repair alone`"


def _control(up: Mapping[str, Status]) -> Status:
    return next((node["lines"]["control"] for node in up.values() if node["lines"]), {})


# --------------------------------------------------------------------------------- losses


def losses(nodes: Mapping[str, Status]) -> list[Loss]:
    """For each node that is up: what stands still if it is lost as well, now."""
    up = {name: node for name, node in sorted(nodes.items()) if "error" not in node}
    return [_loss(name, up) for name in up] if len(nodes) > 1 else []


def _loss(lost: str, up: Mapping[str, Status]) -> Loss:
    alive = [name for name in up if name != lost]
    lines = _by_leader(up)
    control = _majority(lines.get("control", {}), alive)
    stopped, moved = [], []
    for line, state in lines.items():
        if not state.get("members"):
            continue  # an engine orders it: any node will do
        if not _takes_writes(state, lost, alive, control):
            stopped.append(line)
        elif state.get("leader") == lost:
            moved.append(line)
    if stopped:
        return Loss(lost, False, f"no more writes: {', '.join(stopped)}")
    if moved:
        return Loss(lost, True, f"others lead, after a moment: {', '.join(moved)}")
    return Loss(lost, True, "nothing stops")


def _by_leader(up: Mapping[str, Status]) -> dict[str, Status]:
    """Each line as its leader sees it, or anybody where none is known."""
    found: dict[str, Status] = {}
    for node in up.values():
        for line, state in node["lines"].items():
            if line not in found or state.get("role") == "leader":
                found[line] = state
    return found


def _majority(state: Status, alive: list[str]) -> bool:
    voters = state.get("members", [])
    return 2 * len([name for name in voters if name in alive]) > len(voters)


def _takes_writes(state: Status, lost: str, alive: list[str], control: bool) -> bool:
    rule, members = state.get("rule_in_force") or state.get("rule"), state["members"]
    if rule == CONSENSUS:
        return _majority(state, alive)
    left = len([name for name in members if name in alive])
    k = _followers_needed(str(rule), len(members))
    if state.get("leader") != lost:
        return left - 1 >= k
    # whoever is appointed must hear from all but the k that may have acknowledged alone
    return control and left >= len(members) - k and left - 1 >= k


def _followers_needed(rule: str, members: int) -> int:
    if rule.startswith("any:"):
        return int(rule.removeprefix("any:"))
    return {"leader": 0, "majority": members // 2, "all": members - 1}.get(rule, members - 1)
