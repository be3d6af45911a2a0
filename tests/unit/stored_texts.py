"""Texts for tests of their bytes: typed, of several replicas, forged; and whether two are alike."""

from plait.base.causality import VersionVector
from plait.base.codec import checksum, decode, encode
from plait.graph.event import Event
from plait.types.text.state import TextState
from plait.types.text.storage import MAGIC, save


def history(state):
    """Everything that a state knows of the past."""
    state.close_run()
    graph, log = state.graph, state.log
    units = [
        (
            graph.seq_of(lv),
            graph.widths[graph.span_at(lv)],
            graph.parents_of(lv),
            graph.critical(lv),
        )
        for lv in range(graph.first, graph.end)
    ]
    runs = list(log.runs(log.starts[0], log.end)) if len(log) else []
    return graph.first, graph.end, graph.heads, units, _units(runs)


def _units(runs):
    """Unit by unit, for runs may be cut in other places."""
    units = []
    for run in runs:
        for past in range(run.size):
            pos = run.pos + past if run.kind == 0 else run.pos - past if run.kind == 2 else run.pos
            units.append((run.kind == 0, pos, run.content[past] if run.content else None))
    return units


def same(one, other):
    """Whether two states are alike; both are thawed."""
    one.thaw()
    other.thaw()
    return (
        one.text() == other.text()
        and history(one) == history(other)
        and (one.base, one.clears, one.agent) == (other.base, other.clears, other.agent)
    )


def typed(*edits, agent="ann"):
    """A text that somebody typed: (position, text or how many to delete)."""
    state = TextState(agent)
    for pos, what in edits:
        if isinstance(what, int):
            state.delete(pos, what)
        else:
            state.insert(pos, what)
    return state


def dotted(*ops):
    """A text of operations of replicas: (replica, seq, context, edits)."""
    state = TextState()
    for op in ops:
        happen(state, *op)
    return state


def happen(state, replica, seq, context, *edits):
    state.happen(Event(replica, seq, 0, VersionVector(context)), list(edits))


def forged(state, **changes):
    """A state's bytes with a page that somebody else made, and a right checksum."""
    names = ("form", "start", "units", "kept", "length", "names", "base", "heads", "clears",
             "agent", "own", "spans", "runs", "contents", "rooted", "skipped", "present",
             "hunks", "derived", "extensions")  # fmt: skip
    (page,) = decode(save(state)[len(MAGIC) :])
    version, fields = decode(page[4:])
    defaults = [0, 0, b"", [], False, []]
    fields += defaults[len(fields) - len(names) :] if len(fields) < len(names) else []
    for name, value in changes.items():
        fields[names.index(name)] = value
    body = encode([version, fields])
    return MAGIC + encode([checksum(body).to_bytes(4, "big") + body])
