"""`plait text`: recorded editing histories become texts, and saved texts are read."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from plait.base.errors import BadSettings, BadValue, PlaitError, StorageError
from plait.cli.display import console
from plait.cli.exits import OK, REFUSED
from plait.cli.values import print_json, show_value
from plait.types.text import replay as replaying
from plait.types.text.state import TextState
from plait.types.text.storage import load, save
from plait.types.text.traces import UNPACKED_BYTES_MAX, Trace, parse_traces

DIFFERENCES_SHOWN = 10
CONTEXT = 20  # characters

_FILE = click.Path(dir_okay=False, exists=True, allow_dash=True)


@click.group()
def text() -> None:
    """Texts that several people edit: replay recorded histories, read saved texts.

    No store is needed.
    """


@text.command()
@click.argument("file", type=_FILE)
@click.option("--stats", is_flag=True,
              help="Print events, runs, bytes and seconds as JSON, not the text.")  # fmt: skip
@click.option("--check", is_flag=True,
              help="Compare with the file's endContent, and print the verdict.")  # fmt: skip
@click.option("--save", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT",
              help="Also write the document, with its history, to OUT.")  # fmt: skip
def replay(file: str, stats: bool, check: bool, target: Path | None) -> None:
    """Make the text of a recorded history (FILE, - is standard input), and print it.

    Three formats of JSON are told apart by their content, gzip is unpacked: sequential and
    concurrent editing traces, and event graphs. A file of JSON lines has a document on each; its
    texts are printed as JSON strings, one a line.

    \b
    Exit codes of this command: 0 done, 1 --check found a difference, 2 no such file, or no trace.

    \b
    Examples:
      plait text replay paper.json.gz | less
      plait text replay paper.json.gz --check --stats
      plait text replay graphs.jsonl.gz --check
      plait text replay paper.json.gz --save paper.text
    """
    with _named(file):
        traces = parse_traces(_read(file, UNPACKED_BYTES_MAX), UNPACKED_BYTES_MAX)
        if check:
            _require_ends(traces)
        if target is not None and len(traces) > 1:
            raise BadSettings(f"--save takes one document; there are {len(traces):,}")
        states, elapsed_s = _replayed(traces)
    texts = [state.text() for state in states]
    saved = [save(state) for state in states] if stats or target is not None else []
    if target is not None:
        _write(target, saved[0])
    if stats:
        _print_stats(states, saved, elapsed_s)
    if check:
        _print_verdict(texts, traces)
    elif not stats:
        _print_texts(texts)


@text.command()
@click.argument("file", type=_FILE)
def cat(file: str) -> None:
    """Print the text of a saved document (FILE, - is standard input).

    \b
    Example:
      plait text cat paper.text
    """
    with _named(file):
        content = load(_read(file)).text()
    _print_texts([content])


# ------------------------------------------------------------------------------- replaying


def _require_ends(traces: Sequence[Trace]) -> None:
    for number, trace in enumerate(traces, 1):
        if trace.end is None:
            place = f"document {number}: " if len(traces) > 1 else ""
            raise BadValue(f"{place}no endContent to compare with")


def _replayed(traces: Sequence[Trace]) -> tuple[list[TextState], float]:
    """The documents, and the seconds that building them took."""
    states = []
    with _progress(sum(map(replaying.steps, traces))) as progress:
        start = time.perf_counter()
        for number, trace in enumerate(traces, 1):
            try:
                states.append(replaying.replay(trace, progress))
            except BadValue as error:
                place = f"document {number}: " if len(traces) > 1 else ""
                raise BadValue(place + error.message) from None
        return states, time.perf_counter() - start


@contextmanager
def _progress(count: int) -> Iterator[replaying.Progress]:
    """A bar on the terminal; nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
               TimeElapsedColumn())  # fmt: skip
    hidden = not sys.stderr.isatty()
    with Progress(*columns, console=console(sys.stderr), transient=True, disable=hidden) as bar:
        task = bar.add_task("replaying", total=count)
        yield lambda done: bar.advance(task, done)


# ------------------------------------------------------------------------------- printing


def _print_stats(states: Sequence[TextState], saved: Sequence[bytes], elapsed_s: float) -> None:
    found = {
        "events": sum(state.end - state.graph.first for state in states),
        "runs": sum(len(state.log) for state in states),
        "bytes": sum(map(len, saved)),
        "seconds": round(elapsed_s, 6),
    }
    print_json({"documents": len(states), **found} if len(states) > 1 else found)


def _print_verdict(texts: Sequence[str], traces: Sequence[Trace]) -> None:
    """How many texts are as they should be; the first that are not, on stderr. Ends."""
    different = [
        (number, found, trace.end)
        for number, (found, trace) in enumerate(zip(texts, traces, strict=True), 1)
        if found != trace.end
    ]
    click.echo(f"{len(texts) - len(different)} equal, {len(different)} different")
    for number, found, expected in different[:DIFFERENCES_SHOWN]:
        click.echo(f"document {number}: {_difference(found, expected or '')}", err=True)
    sys.exit(REFUSED if different else OK)


def _difference(found: str, expected: str) -> str:
    pairs = enumerate(zip(found, expected, strict=False))
    at = next((at for at, (a, b) in pairs if a != b), min(len(found), len(expected)))
    return (
        f"the first difference is at {at}: {show_value(found[at : at + CONTEXT])}, "
        f"not {show_value(expected[at : at + CONTEXT])}"
    )


def _print_texts(texts: Sequence[str]) -> None:
    """One text to the character; of several, each as a JSON string on its line."""
    if len(texts) != 1:
        for content in texts:
            click.echo(show_value(content))
        return
    content = texts[0]
    click.echo(content.encode(), nl=sys.stdout.isatty() and not content.endswith("\n"))


# ------------------------------------------------------------------------------- files


@contextmanager
def _named(file: str) -> Iterator[None]:
    """Errors name the file."""
    name = "standard input" if file == "-" else file
    try:
        yield
    except PlaitError as error:
        raise type(error)(f"{name}: {error.message}", **error.details) from None
    except OSError as error:
        raise StorageError(f"{name}: cannot be read: {error.strerror}") from None
    except MemoryError:
        raise StorageError(f"{name}: not enough memory for it") from None


def _read(file: str, bytes_max: int = -1) -> bytes:
    """A file's bytes; no more than it takes to see that there are more than `bytes_max`."""
    limit = bytes_max + 1 if bytes_max >= 0 else -1
    with click.open_file(file, "rb") as stream:
        data: bytes = stream.read(limit)
        return data


def _write(path: Path, data: bytes) -> None:
    """Replace a file's content, all at once."""
    path = path.resolve()
    try:
        if path.exists() and not path.is_file():  # a pipe or device is not to be replaced
            path.write_bytes(data)
            return
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from None
