"""A run as one HTML page: a space-time diagram, light and dark, wide and narrow, nothing fetched.

Time runs to the right, every machine is a line. Places are in seconds; the page multiplies them by
its scale, so that a few lines of script suffice to zoom.
"""

from collections.abc import Iterator, Sequence

from plait.check.html import document, escape
from plait.sim.report import to_toml, trace_lines
from plait.sim.run import Outcome
from plait.sim.timeline import WORLD, Cut, Lane, Mark, Span, Timeline

_LANE_PX = 52
_ROW_PX = 22
_LINES_MAX = 20_000

_STYLE = """
:root { --line: #e4e4df; --life: #55554f; --bad: #c2342b; --bad-fill: #f9dfdc; --good: #2d7d46; }
@media (prefers-color-scheme: dark) { :root { --line: #31312e; --life: #b9b9b3; --bad: #f08a80;
  --bad-fill: #4a1f1b; --good: #7cc993; } }
body { margin: 1.5rem 0; }
main > * { margin-inline: max(1rem, calc(50vw - 40rem)); }
.failed { color: var(--bad); } .held { color: var(--good); }
pre { font: 12px/1.45 ui-monospace, monospace; overflow-x: auto; padding: .6rem .8rem;
  border: 1px solid var(--line); border-radius: 6px; max-height: 24rem; }
summary { cursor: pointer; } .tools { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem;
  align-items: center; margin-block: .8rem; font-size: 13px; }
.tools i { position: static; display: inline-block; width: 1.6em; height: .8em;
  vertical-align: -1px; margin-right: .4em; }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--dim);
  border-radius: 5px; padding: 0 .7em; min-height: 1.9rem; }
.chart { --s: 60; overflow-x: auto; margin-inline: 0; border-block: 1px solid var(--line);
  padding-bottom: .5rem; }
.space { position: relative; width: calc(var(--end) * var(--s) * 1px + 7rem); }
.lane { position: relative; margin-left: 5.2rem; border-top: 1px solid var(--line);
  background: repeating-linear-gradient(90deg, var(--line) 0 1px, transparent 1px
  calc(var(--s) * 1px)); }
.name { position: sticky; left: 0; width: 5rem; margin-left: -5.2rem; padding: .3rem 0 0 1rem;
  box-sizing: border-box; background: var(--page); height: 100%; overflow: hidden; z-index: 3;
  font: 12px ui-monospace, monospace; text-overflow: ellipsis; }
.lane i, .tools i { font: 11px/18px ui-monospace, monospace; white-space: nowrap; }
.lane i { position: absolute; left: calc(var(--a) * var(--s) * 1px); box-sizing: border-box; }
.span { width: max(3px, calc(var(--d) * var(--s) * 1px)); overflow: hidden; }
.life { top: 32px; height: 3px; background: var(--life); }
.down { top: 31px; height: 5px; background: repeating-linear-gradient(90deg, var(--bad) 0 4px,
  var(--page) 4px 9px); }
.stopped { top: 27px; height: 13px; border: 1.5px solid var(--amber-edge);
  background: var(--amber); }
.full { top: 40px; height: 4px; background: var(--amber-edge); }
.stalled { top: 40px; height: 4px; background: repeating-linear-gradient(90deg, var(--amber-edge)
  0 4px, var(--page) 4px 9px); }
.slow, .unruly { bottom: 7px; height: 3px; background: var(--amber-edge); opacity: .75; }
.unruly { background: repeating-linear-gradient(90deg, var(--bad) 0 2px, var(--page) 2px 5px); }
.cut { bottom: 2px; height: 4px; background: var(--bad); opacity: .75; }
.mark { top: 4px; padding: 0 4px; border-left: 2px solid var(--life); color: var(--dim);
  background: var(--page); max-width: min(14em, max(2px, calc(var(--d) * var(--s) * 1px)));
  overflow: hidden; }
.mark:hover { z-index: 2; max-width: none; }
.mark.bad { border-color: var(--bad); color: var(--bad); }
.mark.good { border-color: var(--good); color: var(--good); }
.dot { width: 7px; height: 7px; top: 2px; border-radius: 50%; background: var(--bad); }
.dot.again { background: var(--amber-edge); }
.op { height: 19px; border: 1px solid var(--blue-edge); background: var(--blue); border-radius: 3px;
  padding-left: 3px; color: var(--ink); }
.op.fail { background: var(--bad-fill); border-color: var(--bad); }
.op.info, .op.open { background: var(--amber); border: 1px dashed var(--amber-edge); }
.way { position: absolute; margin-left: 5.2rem; left: calc(var(--a) * var(--s) * 1px); width: 0;
  border-left: 1.5px solid var(--bad); opacity: .5; pointer-events: none; }
.way::after { content: ""; position: absolute; left: -4.5px; border: 4px solid transparent; }
.way.falls::after { bottom: -2px; border-top-color: var(--bad); border-bottom-width: 0; }
.way.rises::after { top: -2px; border-bottom-color: var(--bad); border-top-width: 0; }
.axis { height: 20px; background: none; border: 0; } .axis i { color: var(--dim); }
.far .second { display: none; }
"""

_BODY = """
<main>
<h1>{title}</h1>
{head}
<div class="tools"><span><button onclick="zoom(.5)" aria-label="zoom out">−</button>
<button onclick="zoom(2)" aria-label="zoom in">+</button></span>
<span><i class="op"></i>answered</span><span><i class="op fail"></i>refused</span>
<span><i class="op info"></i>unknown</span><span><i class="down" style="height:5px"></i>down</span>
<span><i class="stopped"></i>stopped</span><span><i class="full" style="height:4px"></i>disk full
</span><span><i class="stalled" style="height:4px"></i>fsync does not end</span>
<span><i class="slow" style="height:3px"></i>slow</span>
<span><i class="unruly" style="height:3px"></i>twice, or out of order</span>
<span><i class="cut" style="height:4px"></i>a path is cut</span></div>
<div class="chart" id="chart" tabindex="0"><div class="space" style="--end:{end:.3f}">
{lanes}
</div></div>
<details><summary>Everything that happened</summary><pre>{lines}</pre></details>
</main>
<script>
const chart = document.getElementById("chart");
let scale = Math.max(20, Math.min(120, (innerWidth - 130) / {end:.3f}));
function zoom(times) {{
  const middle = (chart.scrollLeft + chart.clientWidth / 2) / scale;
  scale = Math.min(4000, Math.max(5, scale * times));
  chart.style.setProperty("--s", scale);
  chart.classList.toggle("far", scale < 40);
  chart.scrollLeft = middle * scale - chart.clientWidth / 2;
}}
zoom(1);
</script>
"""

_BAD = (
    "kill",
    "power cut",
    "fsync fails",
    "disk full",
    "refused",
    "reset",
    "new disk",
    "stop",
    "ghost",
    "ghost comes",
    "bad read",
    "bit rot",
    "log damaged",
)
_DOTS = ("error", "again")


def render_page(outcome: Outcome) -> str:
    """The page of a run whose happenings were kept."""
    timeline = Timeline(outcome.happenings)
    lines = [escape(line) for line in trace_lines(outcome.happenings[-_LINES_MAX:])]
    title = f"plait sim, seed {outcome.config.seed}"
    body = _BODY.format(
        title=title,
        head="\n".join(_head(outcome)),
        end=timeline.end_s,
        lanes="\n".join(_chart(timeline)),
        lines="\n".join(lines),
    )
    return document(title, _STYLE, body)


def _head(outcome: Outcome) -> Iterator[str]:
    about = (
        f"{outcome.operations:,} operations in {outcome.virtual_s:.1f} virtual seconds, "
        f"digest {outcome.digest}"
    )
    if outcome.ok:
        yield f'<p><b class="held">every promise was kept</b> <span class="dim">{about}</span></p>'
    else:
        kinds = ", ".join(dict.fromkeys(problem.kind for problem in outcome.problems))
        failed = f'<b class="failed">failed: {escape(kinds)}</b>'
        yield f'<p>{failed} <span class="dim">{about}</span></p>'
        yield from (f"<pre>{escape(problem.text)}</pre>" for problem in outcome.problems)
    yield f"<details><summary>Configuration</summary><pre>{escape(to_toml(outcome.config))}</pre>"
    yield "</details>"


def _chart(timeline: Timeline) -> Iterator[str]:
    yield '<div class="lane axis">'
    for second in range(int(timeline.end_s) + 1):
        kind = "second" if second % 5 else "five"
        yield f'<i class="{kind}" style="--a:{second}">{second} s</i>'
    yield "</div>"
    middle_px, top_px = {}, 21
    for lane in timeline.ordered():
        height = _height(lane)
        middle_px[lane.name] = top_px + (33 if not lane.rows else height // 2)
        top_px += height + 1
        yield from _lane(lane, height, timeline.end_s)
    yield from _ways(timeline.cuts, middle_px)


def _height(lane: Lane) -> int:
    if lane.name == WORLD:
        return 28
    return 14 + lane.rows * _ROW_PX if lane.rows else _LANE_PX


def _lane(lane: Lane, height: int, end_s: float) -> Iterator[str]:
    yield f'<div class="lane" style="height:{height}px"><div class="name">{escape(lane.name)}</div>'
    if not lane.rows and lane.name != WORLD:
        yield from _life(lane, end_s)
    yield from (_span(span) for span in lane.spans)
    yield from (_operation(span) for span in lane.operations)
    ends = [mark.at_s for mark in lane.marks if mark.kind not in _DOTS][1:]
    for mark in lane.marks:
        if mark.kind in _DOTS:
            yield _dot(mark)
        elif mark.kind != "start" or not lane.rows:
            yield _mark(mark, ends.pop(0) if ends else end_s + 9.0)
    yield "</div>"


def _life(lane: Lane, end_s: float) -> Iterator[str]:
    """The line of a machine, where it is not down."""
    at_s = next((mark.at_s for mark in lane.marks if mark.kind == "start"), 0.0)
    for span in lane.spans:
        if span.kind == "down":
            yield _placed("span life", at_s, span.start_s)
            at_s = span.end_s
    yield _placed("span life", at_s, end_s)


def _span(span: Span) -> str:
    kind = span.kind.partition(" ")[0]
    return _placed(f"span {kind}", span.start_s, span.end_s, span.text)


def _operation(span: Span) -> str:
    style = f";top:{9 + span.row * _ROW_PX}px"
    return _placed(f"span op {span.kind}", span.start_s, span.end_s, span.text, span.text, style)


def _placed(
    kind: str, start_s: float, end_s: float, title: str = "", text: str = "", style: str = ""
) -> str:
    when = f" ({start_s:.4f} s to {end_s:.4f} s)" if title else ""
    said = f' title="{escape(title)}{when}"' if title else ""
    where = f"--a:{start_s:.4f};--d:{max(0.0, end_s - start_s):.4f}{style}"
    return f'<i class="{kind}" style="{where}"{said}>{escape(text)}</i>'


def _dot(mark: Mark) -> str:
    title = f'title="{escape(mark.text)} ({mark.at_s:.4f} s)"'
    return f'<i class="dot {mark.kind}" style="--a:{mark.at_s:.4f}" {title}></i>'


def _mark(mark: Mark, next_s: float) -> str:
    """A moment and its name, as far as there is room until the next."""
    tone = "bad" if mark.kind in _BAD else "good" if mark.kind in ("start", "mend") else ""
    text = mark.kind if mark.kind in ("start", "refused") else mark.text
    title = f"{mark.text} ({mark.at_s:.4f} s)"
    style = f"--a:{mark.at_s:.4f};--d:{next_s - mark.at_s:.4f}"
    return f'<i class="mark {tone}" style="{style}" title="{escape(title)}">{escape(text)}</i>'


def _ways(cuts: Sequence[Cut], middle_px: dict[str, int]) -> Iterator[str]:
    """An arrow for every cut, from who is not heard to who does not hear."""
    for cut in cuts:
        start, end = middle_px[cut.source], middle_px[cut.target]
        kind = "falls" if start < end else "rises"
        style = f"--a:{cut.at_s:.4f};top:{min(start, end)}px;height:{abs(end - start)}px"
        yield f'<div class="way {kind}" style="{style}"></div>'
