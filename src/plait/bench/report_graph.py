"""The scenario `graph` for people: tables that fit 80 columns, and which aims were met."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from plait.bench.aims import Judged
from plait.bench.report_parts import aims_table, plain_table, print_end, print_skipped

CONTENT_TIMES = 2.0  # bytes to converge, over the keys and values that differ
OPEN_S = 2.0
TOUCHED_MIB = 64.0  # that a thousand documents may add
LINKS_MBIT = (1, 10, 100)
DOCUMENTS = "documents"
_PEERS = ("pycrdt", "loro")


def print_graph(figures: dict[str, Any], console: Console) -> None:
    """Print every table; each fits 80 columns."""
    console.print(_mutations(figures["mutations"]))
    keys = figures["options"]["keys"]
    for changed in figures["options"]["diverged"]:
        rows = [row for row in figures["convergence"] if row["changed"] == changed]
        console.print(_convergence(rows, keys, changed))
    console.print(_healing(figures))
    console.print(_edits(figures))
    console.print(_store(figures["store"]))
    judged = judge_graph(figures)
    console.print(aims_table("Aims", [(one.what, one) for one in judged]))
    print_skipped(figures, console)
    rounds = figures["options"]["rounds"]
    medians = f"Local writes are medians of {rounds} interleaved rounds."
    print_end(figures, console, "when it began", medians)


def _mutations(rows: list[dict[str, Any]]) -> Table:
    table = plain_table(
        "Local operations a second, one operation a transaction",
        *("operation", "plait", "on disk", "pycrdt", "plait is", "loro", "plait is"),
        caption="on disk: until all are synced. The peers write nothing to disk.",
    )
    for kind in dict.fromkeys(row["kind"] for row in rows):
        rate = {(row["system"], row["until"]): row["per_s"] for row in rows if row["kind"] == kind}
        ours = rate["plait", "in memory"]
        cells = [f"{ours:,.0f}", f"{rate['plait', 'on disk']:,.0f}"]
        for peer in _PEERS:
            theirs = rate.get((peer, "in memory"))
            cells += [f"{theirs:,.0f}", f"{ours / theirs:.2f}x"] if theirs else ["", ""]
        table.add_row(kind, *cells)
    return table


def _convergence(rows: list[dict[str, Any]], keys: int, changed: int) -> Table:
    table = plain_table(
        f"{keys:,} keys, {changed:,} changed on each side: until both are equal",
        *("replicas", "road", "ms", "kB", "x content"),
        caption="Plait compresses (these values well), the peers do not.",
        names=2,
    )
    for row in rows:
        table.add_row(
            f"{row['system']} {row['shape']}".strip(),
            row["road"],
            f"{row['seconds'] * 1e3:,.0f}",
            f"{row['bytes'] / 1e3:,.0f}",
            f"{row['bytes'] / row['content_bytes']:.2f}",
        )
    return table


def healed(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a healed partition with many edits on each side, by the way a user has it."""
    diverged = figures["options"]["diverged"]
    many = 10_000 if 10_000 in diverged else diverged[-1]
    return [
        row
        for row in figures["convergence"]
        if row["changed"] == many
        and (row["road"], row["shape"]) in (("auto", DOCUMENTS), ("delta", ""))
    ]


def _healing(figures: dict[str, Any]) -> Table:
    rows = healed(figures)
    many = rows[0]["changed"] if rows else 0
    table = plain_table(
        f"A partition heals, {many:,} edits on each side: seconds, and the link's limit",
        *("system", *(f"{speed} Mbit/s" for speed in LINKS_MBIT)),
        caption="limit: the bytes over the link's speed. Seconds: that and the work measured.",
    )
    for row in rows:
        limits = [row["bytes"] * 8 / (speed * 1e6) for speed in LINKS_MBIT]
        cells = [f"{row['seconds'] + limit:.2f} (limit {limit:.2f})" for limit in limits]
        table.add_row(row["system"], *cells)
    return table


def _edits(figures: dict[str, Any]) -> Table:
    table = plain_table(
        f"Bytes an edit, {figures['options']['edits']:,} small edits of 1,000 keys",
        *("system", "at a time", "on the wire", "in the log", "kept, with history"),
        caption="in the log: until it is flushed to the state file and trimmed.",
    )
    for row in figures["edits"]:
        log = f"{row['log']:.1f}" if "log" in row else ""
        cells = (f"{row['wire']:.1f}", log, f"{row['kept']:.1f}")
        table.add_row(row["system"], str(row["together"]), *cells)
    return table


def _store(store: dict[str, Any]) -> Table:
    table = plain_table(f"A store of {store['documents']:,} documents", "what", "found")
    table.add_row("made, each, to disk", f"{store['build_us']:.0f} µs")
    table.add_row("on disk, each", f"{store['disk_bytes'] / store['documents']:.0f} bytes")
    table.add_row("opened, first read done", f"{store['open_s'] * 1e3:,.0f} ms")
    table.add_row("memory when the process starts", f"{store['start_mib']:.0f} MiB")
    table.add_row("memory when it is open", f"{store['open_mib']:.0f} MiB")
    table.add_row("memory when 1,000 were changed", f"{store['touched_mib']:.0f} MiB")
    return table


# ----------------------------------------------------------------------------- aims


def judge_graph(figures: dict[str, Any]) -> list[Judged]:
    """Every aim that the figures say something about."""
    return [
        *_faster(figures["mutations"]),
        *_converging(figures),
        *_smaller(figures["edits"]),
        *_opening(figures["store"]),
    ]


def _faster(rows: list[dict[str, Any]]) -> Iterator[Judged]:
    rate = {(row["kind"], row["system"], row["until"]): row["per_s"] for row in rows}
    for kind in dict.fromkeys(row["kind"] for row in rows):
        ours = rate[kind, "plait", "in memory"]
        for peer in _PEERS:
            if theirs := rate.get((kind, peer, "in memory")):
                times = ours / theirs
                yield Judged(f"{kind}, over {peer}", f"{times:.2f}x", "> 1x", times > 1)


def _converging(figures: dict[str, Any]) -> Iterator[Judged]:
    rows = figures["convergence"]
    for changed in figures["options"]["diverged"]:
        found = [row for row in rows if row["changed"] == changed]
        ours = next((r for r in found if (r["shape"], r["road"]) == (DOCUMENTS, "auto")), None)
        if ours is None:
            continue
        times = ours["bytes"] / ours["content_bytes"]
        what = f"{changed:,} changed: bytes, over the content"
        yield Judged(what, f"{times:.2f}x", f"< {CONTENT_TIMES:g}x", times < CONTENT_TIMES)
        for row in found:
            if row["system"] != "plait" and row["road"] == "delta":
                limit = row["seconds"]
                yield Judged(
                    f"{changed:,} changed: time, {row['system']}",
                    f"{ours['seconds'] * 1e3:,.0f} ms",
                    f"< {limit * 1e3:,.0f} ms",
                    ours["seconds"] < limit,
                )


def _smaller(rows: list[dict[str, Any]]) -> Iterator[Judged]:
    for together in dict.fromkeys(row["together"] for row in rows):
        by = {row["system"]: row for row in rows if row["together"] == together}
        for figure, name in (("wire", "on the wire"), ("kept", "kept")):
            peers = [by[peer][figure] for peer in _PEERS if peer in by]
            if peers:
                ours, best = by["plait"][figure], min(peers)
                what = f"bytes an edit {name}, {together} at a time"
                yield Judged(what, f"{ours:.1f}", f"< {best:.1f}", ours < best)


def _opening(store: dict[str, Any]) -> Iterator[Judged]:
    many = f"{store['documents']:,} documents"
    yield Judged(
        f"open, {many}", f"{store['open_s']:.2f} s", f"< {OPEN_S:g} s", store["open_s"] < OPEN_S
    )
    added = store["touched_mib"] - store["open_mib"]
    yield Judged(
        "memory that touching 1,000 adds",
        f"{added:.0f} MiB",
        f"< {TOUCHED_MIB:g} MiB",
        added < TOUCHED_MIB,
    )
