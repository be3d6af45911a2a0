"""A process that measures one thing of one library: ``python -m plait.bench.text_worker JOB``.

JOB is JSON (`Job`); the figures are printed as JSON. What goes wrong is said on the standard error
in one line, and the exit code is 1.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from plait.bench import text_concurrent, text_sequential
from plait.bench.text_kept import TEXT, Kept
from plait.bench.text_live import live
from plait.bench.text_sequential import Figures
from plait.bench.text_synthetic import SYNTHETIC
from plait.bench.text_systems import System, system
from plait.bench.text_traces import SEQUENTIAL, Trace, read_trace

MEASURES: dict[str, Callable[[System, Trace, Kept], Figures]] = {
    "prepare": text_sequential.prepare,
    "replay": text_sequential.replay,
    "wire": text_sequential.wire,
    "merge empty": text_sequential.merge_empty,
    "merge stale": text_sequential.merge_stale,
    "open text": text_sequential.open_text,
    "open edit": text_sequential.open_edit,
    "memory": text_sequential.memory,
    "prepare graph": text_concurrent.prepare_graph,
    "arrive": text_concurrent.arrive,
    "whole graph": text_concurrent.whole_graph,
    "state": text_concurrent.whole_state,
}
FROM_KEPT = ("merge empty", "merge stale", "open text", "open edit", "memory")
LIVE = "live"


class Job(msgspec.Struct, frozen=True):
    """What is to be measured."""

    system: str
    measure: str  # one of MEASURES, or LIVE
    trace: str = ""  # the path of a file, or the name of a synthetic one
    folder: str = ""  # where things are kept for this library and trace
    edits: int = 0  # of each writer, live
    limit_s: float = 0.0  # live


def load_trace(source: str) -> Trace:
    """The trace of a file, or a synthetic one by its name."""
    made = SYNTHETIC.get(source)
    return made() if made is not None else read_trace(Path(source))


def measure(job: Job) -> Figures:
    """Its figures."""
    library = system(job.system)
    if job.measure == LIVE:
        return live(library, job.edits, job.limit_s)
    kept = Kept(Path(job.folder))
    if job.measure in FROM_KEPT:  # a trace that was read leaves free memory behind, to be reused
        trace = Trace(SEQUENTIAL, [], kept.get(TEXT).decode())
    else:
        trace = load_trace(job.trace)
    return MEASURES[job.measure](library, trace, kept)


def main(arguments: list[str]) -> int:
    """Do it and print; the exit code."""
    try:
        figures = measure(msgspec.json.decode(arguments[0], type=Job))
    except Exception as error:  # whatever a library raises; said in one line, and not hidden
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    print(msgspec.json.encode(figures).decode(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
