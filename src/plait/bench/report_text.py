"""The scenario `text` for people: a table a trace that fits 80 columns, and which aims were met.

In every measure less is better, so one ratio serves all: the better peer's figure over Plait's.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from plait.bench.aims import Judged
from plait.bench.report_parts import aims_table, plain_table, print_end, print_skipped

OPEN_MAX_S = 0.001
LIVE_MAX_US = 100.0  # an edit of live editing is microseconds, not milliseconds
FLAT_TIMES = 1.5  # the last tenth of a session over the first

# Published sizes of one trace that others are measured by: diamond-types with its full history,
# and Yjs in its second format, which drops deleted text.
KNOWN_BYTES = {"automerge-paper": {"full_bytes": 109_000, "stable_bytes": 160_000}}

_PEERS = ("pycrdt", "loro")
_ALL = ("plait", *_PEERS)


class _Row(msgspec.Struct, frozen=True):
    figure: str
    title: str
    unit: str


_MS, _BYTES, _KB, _MIB, _US = "ms", "bytes", "kB", "MiB", "µs"
_SEQUENTIAL = (
    _Row("replay_s", "local edits", _MS),
    _Row("wire_s", "and an update for each", _MS),
    _Row("update_bytes", "an update", _BYTES),
    _Row("apply_s", "those taken in, one by one", _MS),
    _Row("empty_first_s", "merge into empty, first time", _MS),
    _Row("empty_s", "merge into empty", _MS),
    _Row("stale_first_s", "merge into half, first time", _MS),
    _Row("stale_s", "merge into half", _MS),
    _Row("full_bytes", "kept, with history", _KB),
    _Row("stable_bytes", "kept, without", _KB),
    _Row("open_first_s", "open to text, first time", _MS),
    _Row("open_s", "open to text", _MS),
    _Row("edit_first_s", "open to edit, first time", _MS),
    _Row("edit_s", "open to edit", _MS),
    _Row("opened_mib", "memory beyond the text", _MIB),
    _Row("edited_mib", "and after an edit", _MIB),
)
_CONCURRENT = (
    _Row("arrive_s", "events one by one", _MS),
    _Row("whole_first_s", "all at once, first time", _MS),
    _Row("whole_s", "all at once", _MS),
    _Row("state_first_s", "as a state, first time", _MS),
    _Row("state_s", "as a state", _MS),
)
_LIVE = (
    _Row("edit_us", "an edit, on average", _US),
    _Row("first_us", "in the first tenth", _US),
    _Row("last_us", "in the last tenth", _US),
)
_SCALES = {_MS: 1e3, _BYTES: 1, _KB: 1e-3, _MIB: 1, _US: 1}


def print_text(figures: dict[str, Any], console: Console) -> None:
    """Print every table; each fits 80 columns."""
    for row in figures["traces"]:
        console.print(_trace(row))
    if figures["live"]:
        console.print(_live(figures["live"]))
    for table in _aims(judge_text(figures)):
        console.print(table)
    print_skipped(figures, console)
    for problem in figures["failed"]:
        console.print(f"FAILED {problem}", style="red", highlight=False, markup=False)
    rounds = figures["options"]["rounds"]
    medians = f"Medians of {rounds} rounds in which the systems take turns."
    print_end(figures, console, "in the end", medians)


def _fill(table: Table, rows: tuple[_Row, ...], systems: dict[str, dict[str, float]]) -> Table:
    for row in rows:
        found = {who: systems.get(who, {}).get(row.figure) for who in _ALL}
        cells = [_shown(value, row.unit) for value in found.values()]
        ours, best = found["plait"], _best(systems, row.figure)
        ratio = f"{best / ours:,.2f}x" if ours and best and ours > 0 else ""
        table.add_row(f"{row.title}, {row.unit}", *cells, ratio)
    return table


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    scaled = value * _SCALES[unit]
    return f"{scaled:,.0f}" if abs(scaled) >= 100 else f"{scaled:,.2f}"


def _best(systems: dict[str, dict[str, float]], figure: str) -> float | None:
    return min(
        (systems[peer][figure] for peer in _PEERS if figure in systems.get(peer, {})), default=None
    )


def _trace(row: dict[str, Any]) -> Table:
    concurrent = row["kind"] == "concurrent"
    caption = "plait is: the better peer's figure over Plait's; above 1x Plait is ahead."
    if not concurrent:
        caption += "\npycrdt keeps no deleted text, also where the row says history."
    for peer in _PEERS:
        if row["systems"].get(peer, {}).get("own_order"):
            caption += f"\n{peer} orders some of what was typed at one place differently."
    title = f"{row['trace']}: {row['edits']:,} edits, {row['characters']:,} characters"
    table = plain_table(title, row["kind"], *_ALL, "plait is", caption=caption)
    return _fill(table, _CONCURRENT if concurrent else _SEQUENTIAL, row["systems"])


def _live(systems: dict[str, dict[str, float]]) -> Table:
    longest = max(found["session_s"] for found in systems.values())
    stopped = [
        f"{who} was stopped after {found['session_s'] / 60:.0f} minutes of the session."
        for who, found in systems.items()
        if found["session_s"] < longest
    ]
    caption = "\n".join(["Made, told and taken in by the other.", *stopped])
    title = f"Two people type for {longest / 60:.0f} minutes, 500 ms apart"
    return _fill(plain_table(title, "live", *_ALL, "plait is", caption=caption), _LIVE, systems)


# ----------------------------------------------------------------------------- aims


def judge_text(figures: dict[str, Any]) -> list[Judged]:
    """Every aim that the figures say something about."""
    judged: list[Judged] = []
    for row in figures["traces"]:
        judge = _concurrent if row["kind"] == "concurrent" else _sequential
        judged += judge(row["trace"], row["systems"])
    return [*judged, *_flat(figures["live"])]


def _sequential(trace: str, systems: dict[str, dict[str, float]]) -> Iterator[Judged]:
    for figure, peers, times in (
        ("replay_s", ("loro",), 1),
        ("replay_s", ("pycrdt",), 10),
        ("wire_s", ("loro",), 3),
        ("update_bytes", _PEERS, 1),
        ("apply_s", ("loro",), 1),
        ("empty_s", _PEERS, 1),
        ("stale_s", _PEERS, 1),
        ("full_bytes", ("loro",), 1),
        ("stable_bytes", ("pycrdt",), 1),
    ):
        yield from _over(trace, systems, figure, peers, times)
    ours = systems.get("plait", {})
    for figure, limit in KNOWN_BYTES.get(trace, {}).items():
        if figure in ours:
            yield _less(f"{trace}: {_title(figure)}, known", ours[figure], limit, _KB)
    if "open_s" in ours:
        yield _less(f"{trace}: {_title('open_s')}", ours["open_s"], OPEN_MAX_S, _MS)
    yield from _over(trace, systems, "edit_s", _PEERS, 1)
    yield from _over(trace, systems, "opened_mib", _PEERS, 1)
    yield from _over(trace, systems, "edited_mib", _PEERS, 1)


def _concurrent(trace: str, systems: dict[str, dict[str, float]]) -> Iterator[Judged]:
    yield from _over(trace, systems, "arrive_s", ("loro",), 3)
    yield from _over(trace, systems, "arrive_s", ("pycrdt",), 1 / 3)
    yield from _over(trace, systems, "whole_s", ("loro",), 1)
    yield from _over(trace, systems, "state_s", _PEERS, 1)


def _over(
    trace: str,
    systems: dict[str, dict[str, float]],
    figure: str,
    peers: tuple[str, ...],
    times: float,
) -> Iterator[Judged]:
    """Whether Plait is ahead of the best of these by so many times."""
    ours = systems.get("plait", {}).get(figure)
    theirs = [systems[peer][figure] for peer in peers if figure in systems.get(peer, {})]
    if ours is None or not theirs:
        return
    what = f"{trace}: {_title(figure)}"
    if len(peers) == 1:
        what += f", {peers[0]}"
    unit = next(row.unit for row in (*_SEQUENTIAL, *_CONCURRENT) if row.figure == figure)
    yield _less(what, ours, min(theirs) / times, unit)


def _title(figure: str) -> str:
    return next(row.title for row in (*_SEQUENTIAL, *_CONCURRENT) if row.figure == figure)


def _less(what: str, ours: float, limit: float, unit: str) -> Judged:
    return Judged(what, f"{_shown(ours, unit)} {unit}", f"< {_shown(limit, unit)}", ours < limit)


def _flat(live: dict[str, dict[str, float]]) -> Iterator[Judged]:
    ours = live.get("plait")
    if not ours:
        return
    yield _less("live: an edit", ours["edit_us"], LIVE_MAX_US, _US)
    times = ours["last_us"] / ours["first_us"]
    what = "live: last tenth over first"
    yield Judged(what, f"{times:.2f}x", f"< {FLAT_TIMES:g}x", times < FLAT_TIMES)


def _aims(judged: list[Judged]) -> Iterator[Table]:
    """A table for each trace: its name stands before the colon."""
    for about in dict.fromkeys(one.what.partition(": ")[0] for one in judged):
        named = [(one.what.partition(": "), one) for one in judged]
        rows = [(what, one) for (name, _, what), one in named if name == about]
        yield aims_table(f"Aims, {about}", rows)
