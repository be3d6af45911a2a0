"""What the house tests look at: the project's own files, parsed once."""

import ast
import subprocess
from collections.abc import Callable, Sequence
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


def every(
    paths: Sequence[Path],
) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """Makes one test of a rule for a file: that all of these keep it; a test each takes longer."""

    def decorate(rule: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            assert paths
            broken = []
            for path in paths:
                try:
                    rule(path)
                except AssertionError as error:
                    broken.append(f"{name_of(path)}: {error}")
            assert not broken, "\n".join(broken)

        test.__name__ = rule.__name__
        return test

    return decorate


@cache
def imports(tree: ast.Module) -> tuple[tuple[str, int], ...]:
    """Every module that a file imports, with the line where it does."""
    found: list[tuple[str, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(("." * node.level + (node.module or ""), node.lineno))
    return tuple(found)


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
