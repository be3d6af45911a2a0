"""Runs a script against a cluster of Raft cores, and writes down what the members do.

A script is a text file of blocks: a command, `----`, and what happened, up to an empty line. Lines
that begin with `#` are for the reader. The commands:

    nodes a b c [witness=c]       found a line; every member starts with an empty disk
    node d                        start a member to be
    stand a                       a asks for votes now
    propose a x                   a client's entry; nothing is delivered yet
    deliver                       let messages and disks work (50 ms, less than a heartbeat)
    tick 0.5                      let so many seconds pass
    until a joint                 let time pass until a's membership is joint
    drop a->b | drop a<->b        cables that lose everything; `heal` mends all
    crash b | start b | wipe b    lose the memory; come back; come back with a new disk
    trim a 3                      a's state file holds what is below 3, its log forgets it
    reconfigure a voters=a,b,d learners=e
    handover a b                  a is to let b lead
    read b                        a linearizable read at b
    status                        every member as it is

The cluster's own judge looks on: a script that breaks a truth of Raft fails, whatever it expects.
Traces are inspired by the data-driven tests of etcd's Raft library.
"""

from itertools import groupby
from typing import Any

from raft_cluster import Cluster
from raft_judge import Node

from plait.line.membership import Membership, Target
from plait.line.raft.election import Candidate
from plait.line.raft.leader import Leader
from plait.line.raft.vocabulary import Deposed, Promotion, ReadFailed, ReadReady
from plait.line.replication.sender import BeginSnapshot

DELIVER_S = 0.05


class Scene(Cluster):
    """A cluster that writes down what happens."""

    def __init__(self, founders: Membership) -> None:
        self.lines: list[str] = []
        super().__init__(1, founders)
        self.delay = self.disk_delay = (0.001, 0.001)
        self.copy_delay = (0.005, 0.005)

    def tell(self, node: Node, event: Any) -> None:
        before = _story(node)
        super().tell(node, event)
        after = _story(node)
        for name, now in after.items():
            if before[name] != now and now:
                self.lines.append(f"{node.name}: {now}")
        for effect in node.effects:
            told = _told(effect)
            if told:
                self.lines.append(f"{node.name}: {told}")


def _story(node: Node) -> dict[str, str]:
    member, role = node.core.member, node.core.role
    if isinstance(role, Leader):
        acts = f"leads term {member.term}"
    elif isinstance(role, Candidate) and role.pre:
        acts = f"would stand for term {role.term}"
    elif isinstance(role, Candidate):
        acts = f"stands for term {role.term}"
    else:
        acts = f"follows {role.leader or 'nobody'}, term {member.term}"
    new = "new disk" if member.fresh else "disk counts"
    return {
        "acts": acts,
        "commit": f"committed {member.committed_told}" if member.committed_told else "",
        "members": members_text(member.membership),
        "disk": new,
    }


def _told(effect: Any) -> str:
    match effect:
        case BeginSnapshot(peer):
            return f"sends {peer} a copy of the state"
        case ReadReady(_, position):
            return f"may read at {position}"
        case ReadFailed():
            return "cannot read now"
        case Promotion(won):
            return "handed over" if won else f"did not hand over: {effect.why}"
        case Deposed():
            return "leads no more"
    return ""


def members_text(membership: Membership) -> str:
    """A membership for people."""
    parts = [("voters", membership.voters), ("outgoing", membership.outgoing),
             ("learners", membership.learners), ("witnesses", membership.witnesses),
             ("retired", membership.retired)]  # fmt: skip
    return ", ".join(f"{name} {' '.join(names)}" for name, names in parts if names)


def log_text(node: Node) -> str:
    """The terms of a log, e.g. `1 1 2x3`."""
    log = node.core.member.log
    epochs = [log.epoch_at(position) for position in range(log.head, log.tail)]
    runs = [(term, len(list(run))) for term, run in groupby(e.number for e in epochs if e)]
    text = " ".join(f"{term}x{count}" if count > 1 else f"{term}" for term, count in runs)
    return (f"…{log.head} " if log.head else "") + (text or "-")


class Runner:
    """One script."""

    def __init__(self) -> None:
        self.scene: Scene | None = None

    def run(self, command: str) -> str:
        """Carry out a command; what happened."""
        name, *words = command.split()
        if name == "nodes":
            found = [word for word in words if "=" not in word]
            options = dict(word.split("=") for word in words if "=" in word)
            witnesses = tuple(filter(None, options.get("witness", "").split(",")))
            self.scene = Scene(Membership(tuple(found), witnesses=witnesses))
            self.scene.lines.clear()
            return "ok"
        assert self.scene is not None, "a script begins with `nodes`"
        self.scene.lines.clear()
        said = getattr(self, f"_{name}")(self.scene, *words)
        return "\n".join([*self.scene.lines, *([said] if said else [])]) or "ok"

    def _node(self, scene: Scene, name: str) -> None:
        scene.start(scene.join(name))

    def _stand(self, scene: Scene, name: str) -> None:
        scene.stand(scene.nodes[name])

    def _propose(self, scene: Scene, name: str, text: str) -> str:
        position = scene.propose(scene.nodes[name], text.encode())
        return "refused" if position is None else f"at {position}"

    def _deliver(self, scene: Scene) -> None:
        scene.run(DELIVER_S)

    def _tick(self, scene: Scene, seconds: str) -> None:
        scene.run(float(seconds))

    def _until(self, scene: Scene, name: str, joint: str) -> None:
        node = scene.nodes[name]
        assert joint == "joint"
        assert scene.run(5.0, lambda: node.core.member.membership.joint)

    def _drop(self, scene: Scene, *cables: str) -> None:
        for cable in cables:
            one, other = cable.replace("<->", "->").split("->")
            scene.blocked.add((one, other))
            if "<->" in cable:
                scene.blocked.add((other, one))

    def _heal(self, scene: Scene) -> None:
        scene.blocked.clear()

    def _crash(self, scene: Scene, name: str) -> None:
        node = scene.nodes[name]
        scene.lose_unsynced(node)
        scene.judge.deposed(node)

    def _start(self, scene: Scene, name: str) -> None:
        scene.start(scene.nodes[name])

    def _wipe(self, scene: Scene, name: str) -> None:
        scene.wipe(scene.nodes[name])
        scene.start(scene.nodes[name])

    def _trim(self, scene: Scene, name: str, before: str) -> None:
        node = scene.nodes[name]
        scene.flush(node, int(before))
        scene.trim(node, int(before))

    def _reconfigure(self, scene: Scene, name: str, *options: str) -> str:
        found = {key: tuple(names.split(",")) for key, names in (o.split("=") for o in options)}
        target = Target(found["voters"], found.get("learners", ()), found.get("witnesses", ()))
        node = scene.nodes[name]
        refusal = node.core.reconfiguration_refusal(target)
        if refusal is not None:
            return f"refused: {refusal.message}"
        scene.reconfigure(node, target)
        return ""

    def _handover(self, scene: Scene, name: str, target: str) -> None:
        scene.hand_over(scene.nodes[name], target)

    def _read(self, scene: Scene, name: str) -> None:
        scene.ask_read(scene.nodes[name])

    def _status(self, scene: Scene) -> str:
        return "\n".join(self._status_of(node) for node in scene.nodes.values())

    def _status_of(self, node: Node) -> str:
        if not node.alive:
            return f"{node.name} is down"
        story = _story(node)
        disk = ", new disk" if node.core.member.fresh else ""
        return f"{node.name} {story['acts']}; committed {node.told}; log {log_text(node)}{disk}"


def replay(text: str) -> str:
    """The script with what its commands do today."""
    runner, found, skipping = Runner(), [], False
    for line in text.splitlines():
        if skipping and line:
            continue
        skipping = False
        if line == "----":
            skipping = True
            continue
        found.append(line)
        if line and not line.startswith("#"):
            found += ["----", runner.run(line)]
    return "\n".join(found) + "\n"
