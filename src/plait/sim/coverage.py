"""Which functions and branches of the protocols a run reached, and which it never did.

Lines are noted while code of the watched folders runs (`sys.settrace`, which slows it many times)
and compared with what the source has: a function is reached if any line of its body ran, a branch
(`if`, `elif`, `else`, `case`, `except`, the body of a loop) if its first line did. So a transition
that no seed made, a role that nobody took and a recovery that was never needed show by name.

Absent: conditions within one line, and an `if` whose body always ran. Compiled modules cannot be
watched.
"""

import ast
import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

import plait

PACKAGE = Path(plait.__file__).parent
WATCHED = (
    "line", "graph", "engines/replicated", "engines/raft", "engines/primary", "engines/graph",
)  # fmt: skip


class Place(msgspec.Struct, frozen=True):
    """A function or a branch of a file."""

    line: int
    name: str  # of a function with its class; of a branch, its source
    within: str = ""  # a branch's function
    lines: tuple[int, int] = (0, 0)  # what must have run: any of a function, the first of a branch


class FileCoverage(msgspec.Struct, frozen=True):
    """What of one file was reached."""

    file: str  # relative to the package
    functions: int
    branches: int
    never: tuple[Place, ...]  # functions
    not_taken: tuple[Place, ...]  # branches, also of those


class Coverage:
    """Notes what runs while it is `watching`."""

    def __init__(self) -> None:
        self._files = {
            str(path): path.relative_to(PACKAGE).as_posix()
            for folder in WATCHED
            for path in sorted((PACKAGE / folder).rglob("*.py"))
        }
        self._ran: dict[str, set[int]] = {file: set() for file in self._files}

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Note every line of the watched files that runs in here."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        ran = self._ran.get(frame.f_code.co_filename)
        if ran is None:
            return None

        def note(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "line":
                ran.add(frame.f_lineno)
            return note

        return note

    def files(self) -> Iterator[FileCoverage]:
        """What was reached of every watched file that has functions."""
        for path, file in self._files.items():
            found = _compare(file, Path(path).read_text(encoding="utf-8"), self._ran[path])
            if found.functions:
                yield found


def _compare(file: str, source: str, ran: set[int]) -> FileCoverage:
    functions = list(_functions(ast.parse(source).body, ""))
    never, not_taken, branches = [], [], 0
    for place, node in functions:
        here = list(_branches(place.name, node, source.splitlines()))
        branches += len(here)
        if not any(line in ran for line in range(place.lines[0], place.lines[1] + 1)):
            never.append(place)
        not_taken += [branch for branch in here if branch.lines[0] not in ran]
    return FileCoverage(file, len(functions), branches, tuple(never), tuple(not_taken))


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[Place, _Function]]:
    """Functions and methods that do something; those within functions belong to these."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, _Function):
            statements = [one for one in node.body if not _says_nothing(one)]
            if statements:
                span = (statements[0].lineno, statements[-1].end_lineno or 0)
                yield Place(node.lineno, prefix + node.name, lines=span), node


def _says_nothing(node: ast.stmt) -> bool:
    """A docstring or an ellipsis."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _branches(within: str, node: ast.AST, source: list[str]) -> Iterator[Place]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.If | ast.For | ast.While | ast.match_case | ast.ExceptHandler):
            for head, first in _blocks(inner):
                name = source[head - 1].strip()
                yield Place(head, name, within, (first, first))


def _blocks(node: Any) -> Iterator[tuple[int, int]]:
    """The line that leads into each block of a statement, and the block's first line."""
    head = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
    yield head, node.body[0].lineno
    other = getattr(node, "orelse", [])
    if other and not (isinstance(node, ast.If) and isinstance(other[0], ast.If)):
        yield other[0].lineno - 1, other[0].lineno  # the line above is ``else:``


def coverage_lines(files: Iterable[FileCoverage]) -> Iterator[str]:
    """For people: what of every file was reached, then what never was, by name."""
    found = list(files)
    for one in found:
        yield f"{one.file:<40}  functions {_part(one.never, one.functions)}" + (
            f"  branches {_part(one.not_taken, one.branches)}" if one.branches else ""
        )
    reached = sum(one.functions - len(one.never) for one in found)
    taken = sum(one.branches - len(one.not_taken) for one in found)
    yield (
        f"{reached} of {sum(one.functions for one in found)} functions, "
        f"{taken} of {sum(one.branches for one in found)} branches"
    )
    yield from ("", "never reached:")
    for one in found:
        yield from (f"  {one.file}:{place.line}  {place.name}" for place in one.never)
    yield from ("", "branches never taken, of functions that were reached:")
    for one in found:
        whole = {place.name for place in one.never}
        for place in one.not_taken:
            if place.within not in whole:
                yield f"  {one.file}:{place.line}  {place.within}: {place.name}"


def _part(missing: Sequence[Place], count: int) -> str:
    return f"{count - len(missing):>3} of {count:<3}"
