"""The counterexample as one HTML page: a time diagram in SVG, light and dark, nothing fetched."""

from collections.abc import Iterable
from typing import NamedTuple

from plait.check.diagram import layout
from plait.check.explain import Counterexample, label
from plait.check.history import Operation
from plait.check.html import document, escape

CHARACTER_PX = 7.4
ROW_PX = 44
BAR_PX = 26
MARGIN_PX = 70

_STYLE = """
:root { --open-edge: #8a8a85; }
@media (prefers-color-scheme: dark) { :root { --open-edge: #85857f; } }
body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h2 { font-size: 1rem; }
section { border-top: 1px solid var(--line); padding: 1rem 0; }
.scroll { overflow-x: auto; }
svg text { font: 12px ui-monospace, monospace; fill: var(--ink); }
svg .who { fill: var(--dim); } svg line { stroke: var(--line); }
svg rect { fill: var(--blue); stroke: var(--blue-edge); }
svg .write { fill: var(--amber); stroke: var(--amber-edge); }
svg .open { stroke: var(--open-edge); stroke-dasharray: 5 4; }
"""

_READS = ("read", "get", "contains", "dequeue")


class Section(NamedTuple):
    """What the page says of one history."""

    headline: str
    about: str
    counterexample: Counterexample | None


def render_page(sections: Iterable[Section]) -> str:
    """The page."""
    title = "plait check"
    return document(title, _STYLE, "\n".join([f"<h1>{title}</h1>", *map(_section, sections)]))


def _section(section: Section) -> str:
    parts = [
        "<section>", f"<h2>{escape(section.headline)}</h2>",
        f'<p class="dim">{escape(section.about)}</p>',
    ]  # fmt: skip
    found = section.counterexample
    if found is not None:
        where = f"{found.part}: " if found.part else ""
        parts += [
            f"<p>{escape(where)}no order explains these {len(found.operations)} operations. "
            "Time runs to the right; a dashed bar never ended.</p>",
            f'<div class="scroll">{_svg(found)}</div>', "<ul>",
            *(f"<li>{escape(reason)}</li>" for reason in found.reasons), "</ul>",
        ]  # fmt: skip
        if found.left_out:
            parts.append(f'<p class="dim">{found.left_out_text}.</p>')
    parts.append("</section>")
    return "\n".join(parts)


def _svg(found: Counterexample) -> str:
    labelled = [(operation, label(operation)) for operation in found.operations]
    columns, last = layout(labelled)
    rows = {process: number for number, process in enumerate(found.processes)}
    width = MARGIN_PX + (last + 2) * CHARACTER_PX
    height = len(rows) * ROW_PX + 10
    parts = [
        f'<svg width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}" '
        'role="img" aria-label="operations by process and time">'
    ]
    for process, row in rows.items():
        y = row * ROW_PX + ROW_PX / 2
        parts.append(f'<text class="who" x="4" y="{y + 4:.0f}">{escape(str(process))}</text>')
        parts.append(f'<line x1="{MARGIN_PX}" x2="{width:.0f}" y1="{y:.0f}" y2="{y:.0f}"/>')
    for operation, text in labelled:
        start = MARGIN_PX + columns[operation.invoked] * CHARACTER_PX
        end_column = last if operation.returned is None else columns[operation.returned]
        end = MARGIN_PX + end_column * CHARACTER_PX
        parts.append(_bar(operation, text, start, end, rows[operation.process] * ROW_PX))
    parts.append("</svg>")
    return "\n".join(parts)


def _bar(operation: Operation, text: str, start: float, end: float, top: float) -> str:
    kinds = ["" if operation.f in _READS else "write", "" if operation.definite else "open"]
    y = top + (ROW_PX - BAR_PX) / 2
    line = f", line {operation.line}" if operation.line else ""
    seconds = "" if operation.started_s is None else f", from {operation.started_s:.6f} s"
    if operation.ended_s is not None:
        seconds += f" to {operation.ended_s:.6f} s"
    return (
        f"<g><title>process {escape(str(operation.process))}: {escape(text)}{line}{seconds}"
        f'</title><rect class="{" ".join(filter(None, kinds))}" x="{start:.1f}" y="{y:.1f}" '
        f'width="{end - start:.1f}" height="{BAR_PX}" rx="4"/>'
        f'<text x="{start + 8:.1f}" y="{y + 17:.1f}">{escape(text)}</text></g>'
    )
