"""`plait check`: judge histories, of this system or another.

Its exit codes are its own, because a verdict is not a failure: see `_Codes`.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.text import Text

from plait.base.errors import PlaitError
from plait.check import (
    FORMATS,
    MODELS,
    BadHistory,
    Format,
    History,
    Lost,
    Verdict,
    Violation,
    check_history,
    check_sessions,
    load_history,
    lost_writes,
)
from plait.check.explain import label
from plait.check.page import Section, render_page
from plait.cli.display import console, seconds, table
from plait.cli.exits import error_line
from plait.cli.values import print_json

VIOLATIONS_SHOWN = 10


class _Codes(IntEnum):
    """How the command ends. Of several files, the first of 1, 3, 2, 0 that any of them gives."""

    FINE = 0
    VIOLATED = 1
    UNKNOWN = 2
    UNREADABLE = 3  # a wrong option is that too: nothing was judged


_WORST_FIRST = (_Codes.VIOLATED, _Codes.UNREADABLE, _Codes.UNKNOWN, _Codes.FINE)


class _Misused(click.UsageError):
    """A usage error that cannot be taken for a verdict."""

    exit_code = _Codes.UNREADABLE


class _Command(click.Command):
    """A command with its own exit code for usage errors."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """As click does it, but for that."""
        try:
            return super().make_context(*args, **extra)
        except click.UsageError as error:
            raise _Misused(error.format_message(), error.ctx) from None


class _Result(msgspec.Struct):
    """What was found out about one file."""

    file: str
    code: _Codes
    verdict: str
    text: str  # everything, for a person
    section: Section  # of the HTML page
    data: dict[str, Any]
    row: tuple[str, str, str, str] = ("", "", "", "")  # model, operations, parts, time


@click.command(cls=_Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--model", type=click.Choice(list(MODELS)), help="Default: by the operations.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the first line.")
@click.option("--time-limit", "time_limit_s", type=click.FloatRange(min=0), default=60.0,
              show_default=True, metavar="SECONDS", help="Per file; 0: none.")  # fmt: skip
@click.option("--html", type=click.Path(dir_okay=False), metavar="PAGE",
              help="Write what was found, with time diagrams, as one HTML page.")  # fmt: skip
@click.option("--sessions", is_flag=True,
              help="Judge the four session guarantees instead.")  # fmt: skip
@click.option("--final", metavar="ROWS",
              help="Judge instead whether these rows (as of `plait export`) have all "
              "acknowledged writes.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(
    files: tuple[str, ...],
    model: str | None,
    form: Format | None,
    time_limit_s: float,
    html: str | None,
    sessions: bool,
    final: str | None,
    as_json: bool,
) -> None:
    """Judge whether histories are linearizable, and show why not.

    A FILE has one event a line: JSON lines (docs/check.md), Jepsen's log lines, or EDN maps; gzip
    is unpacked. Several files give a table.

    \b
    Exit codes of this command: 0 linearizable, 1 not, 2 unknown (time limit, memory),
    3 a file or option that cannot be read.

    \b
    Examples:
      plait check history.jsonl
      plait check history.jsonl --html why.html
      plait check runs/*.log.gz --format jepsen --time-limit 10
      plait check history.jsonl --sessions
    """

    def judge(file: str) -> _Result:
        try:
            history = load_history(file, form)
            if sessions:
                return _of_violations(file, history, check_sessions(history), "session guarantees")
            if final is not None:
                lost = lost_writes(history, _rows(final))
                return _of_violations(file, history, lost, "acknowledged writes")
            with _progress(file) as progress:
                verdict = check_history(
                    history, model, time_limit=time_limit_s or None, progress=progress
                )
            return _of_verdict(file, verdict)
        except BadHistory as error:
            return _of_error(file, error)
        except MemoryError:
            return _of_memory(file)

    results = [judge(file) for file in files]
    if html is not None:
        _write_page(html, results)
    _show(results, as_json)
    codes = {result.code for result in results}
    sys.exit(next(code for code in _WORST_FIRST if code in codes))


# ------------------------------------------------------------------------------- results


def _of_verdict(file: str, verdict: Verdict) -> _Result:
    codes = {True: _Codes.FINE, False: _Codes.VIOLATED, None: _Codes.UNKNOWN}
    data: dict[str, Any] = {
        "file": file, "linearizable": verdict.linearizable, "model": verdict.model,
        "operations": verdict.operations, "parts": verdict.parts,
        "elapsed_s": round(verdict.elapsed_s, 3),
    }  # fmt: skip
    if verdict.reason:
        data["reason"] = verdict.reason
    if verdict.counterexample is not None:
        found = verdict.counterexample
        data["counterexample"] = {
            "part": found.part,
            "operations": [
                {"process": o.process, "operation": label(o), "line": o.line}
                for o in found.operations
            ],
            "reasons": found.reasons,
        }
    return _Result(
        file, codes[verdict.linearizable], verdict.headline, verdict.explain(), verdict.section(),
        data, (verdict.model, f"{verdict.operations:,}", f"{verdict.parts:,}",
               seconds(verdict.elapsed_s)),
    )  # fmt: skip


def _of_violations(
    file: str, history: History, found: list[Violation] | list[Lost], about: str
) -> _Result:
    headline = f"{about}: {len(found):,} violations" if found else f"{about}: no violation"
    lines = [str(violation) for violation in found[:VIOLATIONS_SHOWN]]
    if len(found) > VIOLATIONS_SHOWN:
        lines.append(f"… and {len(found) - VIOLATIONS_SHOWN:,} more")
    size = f"{file}: {len(history):,} operations"
    data = {
        "file": file, "judged": about, "operations": len(history),
        "violations": [str(violation) for violation in found],
    }  # fmt: skip
    return _Result(
        file, _Codes.VIOLATED if found else _Codes.FINE, headline,
        "\n".join([headline, size, *lines]), Section(headline, "; ".join([size, *lines]), None),
        data, (about, f"{len(history):,}", "", ""),
    )  # fmt: skip


def _of_error(file: str, error: PlaitError) -> _Result:
    line = error_line(error)
    data = {"file": file, "error": error.message, "line": error.details.get("line") or None}
    return _Result(file, _Codes.UNREADABLE, "unreadable", line, Section(line, file, None), data)


def _of_memory(file: str) -> _Result:
    headline = "unknown: not enough memory"
    data = {"file": file, "linearizable": None, "reason": "not enough memory"}
    return _Result(file, _Codes.UNKNOWN, headline, headline, Section(headline, file, None), data)


# ------------------------------------------------------------------------------- showing


def _show(results: list[_Result], as_json: bool) -> None:
    if as_json:
        data = [result.data for result in results]
        print_json(data[0] if len(data) == 1 else data)
        return
    if len(results) == 1:
        (result,) = results
        click.echo(result.text, err=result.code is _Codes.UNREADABLE)
        return
    grid = table()
    for heading in ("file", "verdict", "model", "operations", "parts", "time"):
        grid.add_column(heading, overflow="fold")
    styles = {_Codes.FINE: "green", _Codes.VIOLATED: "red"}
    for result in results:
        grid.add_row(result.file, Text(result.verdict, styles.get(result.code, "")), *result.row)
    console().print(grid)
    for result in results:
        if result.code is _Codes.UNREADABLE:
            click.echo(result.text, err=True)
    if any(result.code is _Codes.VIOLATED for result in results):
        click.echo("`plait check FILE` shows why one of them is not", err=True)


@contextmanager
def _progress(file: str) -> Iterator[Callable[[int, int], None] | None]:
    """A line on the terminal while it takes long; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    with console(sys.stderr).status(f"{file}: judging") as status:

        def show(done: int, parts: int) -> None:
            if parts > 1:
                status.update(f"{file}: {done:,} of {parts:,} parts judged")

        yield show


def _write_page(path: str, results: list[_Result]) -> None:
    try:
        Path(path).write_text(render_page(r.section for r in results), encoding="utf-8")
    except OSError as error:
        click.echo(f"error: cannot write {path}: {error.strerror}", err=True)
        sys.exit(_Codes.UNREADABLE)


def _rows(path: str) -> dict[Any, Any]:
    """Rows by key, from JSON lines of {"key": …, "value": …}."""
    rows: dict[Any, Any] = {}
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadHistory(f"{path}: cannot be read: {error.strerror}") from None
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=_Row)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadHistory(f"{path}:{number}: not a row: {error}") from None
        rows[row.key] = row.value
    return rows


class _Row(msgspec.Struct):
    key: str | int
    value: Any
