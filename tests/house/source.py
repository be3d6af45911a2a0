"""What the house tests look at: the project's own files, parsed once."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "plait"

# Rooms that only decide: no I/O, clock, thread, await or chance in them.
CORES = ("base", "line", "graph", "types", "check")


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def modules(*rooms: str) -> list[Path]:
    """Every Python file of the package, or of some of its rooms."""
    roots = [SOURCE / room for room in rooms] or [SOURCE]
    return sorted(path for root in roots for path in root.rglob("*.py"))


def name_of(path: Path) -> str:
    """A path as messages show it: relative to the project."""
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, with the line where it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node.lineno


@cache
def project_files() -> tuple[Path, ...]:
    """Files under version control, or about to be; everything sensible outside a checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / line for line in listed.stdout.splitlines()]
    else:
        tops = [ROOT / "src", ROOT / "tests", ROOT / "docs"]
        tops += [path for path in ROOT.iterdir() if path.is_file()]
        paths = [p for top in tops for p in ([top] if top.is_file() else top.rglob("*"))]
    return tuple(sorted(path for path in paths if path.is_file()))
