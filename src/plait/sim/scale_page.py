"""What `scale` measured as pictures: writes beside light, bytes beside what they carry.

One SVG for each, light and dark by the reader's preference, for a page of its own or a document.
"""

import math
from collections.abc import Sequence

from plait.check.html import document, escape
from plait.sim.scale import Convergence, ModeLatency, Scale

_WIDTH = 760
_BAR_PX = 15
_LEFT_PX = 190
_STYLE = """<style>
svg { color-scheme: light dark; --page: #fcfcfb; --ink: #1d1d1b; --dim: #6d6d68; --line: #d9d9d4;
  --ours: #3b76b5; --floor: #b4691a; background: var(--page); max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) { svg { --page: #191918; --ink: #ececea; --dim: #a3a39e;
  --line: #3a3a37; --ours: #7db0e6; --floor: #e2a55b; } }
text { font: 12px system-ui, sans-serif; fill: var(--ink); } .dim { fill: var(--dim); }
.bold { font-weight: 600; } .ours { fill: var(--ours); } .floor { fill: var(--floor); }
.grid { stroke: var(--line); } .path { fill: none; stroke-width: 2; }
.path.ours { stroke: var(--ours); fill: none; } .path.floor { stroke: var(--floor); fill: none;
  stroke-dasharray: 5 4; }
</style>"""

_PAGE_STYLE = """
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
figure { margin: 0 0 2rem; overflow-x: auto; }
"""


def render_scale(scale: Scale) -> str:
    """The page."""
    pictures = (latency_picture(scale.latencies), growth_picture(scale.convergence))
    figures = "\n".join(f"<figure>{picture}</figure>" for picture in pictures)
    heading = f"<h1>plait at scale: {escape(scale.topology)}</h1>"
    return document("plait at scale", _PAGE_STYLE, f"{heading}\n{figures}")


def latency_picture(rows: Sequence[ModeLatency]) -> str:
    """A bar for each mode and region; a mark where light would be."""
    most = max((row.median_ms for row in rows), default=0.0) * 1.05 or 1.0
    wide = _WIDTH - _LEFT_PX - 70
    parts: list[str] = []
    y, mode = 30, ""
    for row in rows:
        if row.mode != mode:
            mode, y = row.mode, y + 14
            parts.append(f'<text class="bold" x="4" y="{y}">{escape(mode)}</text>')
            y += 6
        long, light = row.median_ms / most * wide, row.light_ms / most * wide
        parts.append(f'<text class="dim" x="16" y="{y + 12}">{escape(row.region)}</text>')
        parts.append(
            f'<rect class="ours" x="{_LEFT_PX}" y="{y + 2}" width="{max(long, 1):.1f}" '
            f'height="{_BAR_PX - 4}" rx="2"/>'
        )
        if light:
            at = _LEFT_PX + light
            parts.append(
                f'<rect class="floor" x="{at:.1f}" y="{y}" width="2.5" height="{_BAR_PX}"/>'
            )
        after = _LEFT_PX + max(long, 1) + 6
        parts.append(f'<text x="{after:.1f}" y="{y + 12}">{row.median_ms:,.0f} ms</text>')
        y += _BAR_PX + 2
    title = "A write, by mode and by where the client is; the marks are light in fibre"
    return _svg(title, y + 10, parts)


def growth_picture(rows: Sequence[Convergence]) -> str:
    """Bytes over replicas, on logarithmic axes, beside the edits' own."""
    height, left, bottom = 260, 70, 40
    xs = [row.replicas for row in rows]
    series = (
        ("ours", "bytes sent", [row.bytes_sent for row in rows]),
        ("floor", "the edits themselves", [row.bytes_needed for row in rows]),
    )
    values = [value for _, _, line in series for value in line]
    low, high = math.log10(min(values)), math.log10(max(values))
    first, last = math.log10(xs[0]), math.log10(xs[-1])

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - first) / ((last - first) or 1.0)
        up = (math.log10(y) - low) / ((high - low) or 1.0)
        wide = _WIDTH - left - 190
        return left + across * wide, height - bottom - up * (height - bottom - 40)

    parts = []
    for power in range(math.ceil(low), math.floor(high) + 1):
        _, y = place(xs[0], 10**power)
        parts.append(
            f'<line class="grid" x1="{left}" x2="{_WIDTH - 185}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="dim" x="4" y="{y + 4:.1f}">{_bytes(10**power)}</text>'
        )
    for x in xs:
        across, _ = place(x, values[0])
        parts.append(f'<text class="dim" x="{across - 8:.1f}" y="{height - 20}">{x}</text>')
    for kind, name, line in series:
        points = [place(x, y) for x, y in zip(xs, line, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="path {kind}" points="{path}"/>')
        across, up = points[-1]
        parts.append(f'<text x="{across + 8:.1f}" y="{up + 4:.1f}">{escape(name)}</text>')
        parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
    parts.append(f'<text class="dim" x="{left}" y="{height - 4}">replicas, one edit by each</text>')
    return _svg("Bytes on the network until every replica has every edit", height, parts)


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">'
        f'{_STYLE}<rect width="{_WIDTH}" height="{height}" fill="var(--page)"/>'
        f'<text class="bold" x="4" y="18">{escape(title)}</text>{"".join(parts)}</svg>'
    )


def _bytes(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:g} {unit}"
    return f"{count:g} B"
