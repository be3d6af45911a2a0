"""How the source reads: sizes, docstrings, and no loose ends."""

import ast
import re
from functools import cache

from tests.house.source import ROOT, SOURCE, every, modules, name_of, parsed, project_files

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

# Files that are better long, each with its reason.
LONG_FILES: dict[str, str] = {}

# Classes with no more fields than this and nothing else say it all in their names.
PLAIN_FIELDS_MAX = 4

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

files = every(modules())


@files
def test_a_file_holds_one_noun(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= FILE_LINES_MAX or name_of(path) in LONG_FILES, (
        f"{name_of(path)} has {lines} lines: look for the second noun in it"
    )


def test_every_long_file_that_is_excused_exists_and_is_long():
    for name in LONG_FILES:
        assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) > FILE_LINES_MAX


@files
def test_a_function_fits_a_screen(path):
    long = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for node in ast.walk(parsed(path))
        if isinstance(node, _FUNCTIONS)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert not long


@files
def test_every_public_name_says_what_it_is(path):
    tree = parsed(path)
    missing = [] if ast.get_docstring(tree) else [f"{name_of(path)}: the module itself"]
    missing += [f"{name_of(path)}:{node.lineno} {node.name}" for node in undocumented(tree)]
    assert not missing


def test_a_public_function_without_docstring_is_found():
    source = '''
def loud(x):
    y = x + 1
    return y

def _private(x):
    y = x
    return y

def short(x): return x

class Thing:
    """Documented."""

    def close(self):
        self.a = 1
        self.b = 2

    def open_up(self):
        self.a = 1
        self.b = 2
'''
    found = [node.name for node in undocumented(ast.parse(source), {"close"})]
    assert found == ["loud", "open_up"]


def test_no_loose_ends_stay_in_the_source():
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|XXX|HACK)\b")
    loose = [
        f"{name_of(path)}:{number}"
        for path in modules()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if marks.search(line)
    ]
    assert not loose


def test_no_file_names_a_place_on_one_machine():
    place = re.compile(r"(?<![\w.~-])/(?:home|root|work|Users)/\w")
    named = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a recording or a picture
            continue
        named += [
            f"{name_of(path)}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if place.search(line)
        ]
    assert not named


def undocumented(tree, inherited=None):
    """Public classes and functions that need a docstring and have none.

    A method that implements a port's is documented there: `inherited` names those.
    """
    inherited = _port_methods() if inherited is None else inherited
    for node in tree.body:
        if isinstance(node, _FUNCTIONS) and _needs_docstring(node):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node) and not _says_it_all(node):
                yield node
            for method in node.body:
                if (
                    isinstance(method, _FUNCTIONS)
                    and method.name not in inherited
                    and _needs_docstring(method)
                ):
                    yield method


def _needs_docstring(node):
    trivial = len(node.body) == 1 and isinstance(
        node.body[0], ast.Expr | ast.Return | ast.Pass | ast.Raise | ast.Assign
    )
    return not node.name.startswith("_") and not trivial and not ast.get_docstring(node)


def _says_it_all(node):
    return len(node.body) <= PLAIN_FIELDS_MAX and all(
        isinstance(statement, ast.AnnAssign | ast.Pass) for statement in node.body
    )


@cache
def _port_methods():
    """Names of the methods that some Protocol declares and describes."""
    names = set()
    for path in modules():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef) and any(
                isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases
            ):
                names |= {m.name for m in node.body if isinstance(m, _FUNCTIONS)}
    return names


def test_the_package_says_that_it_is_typed():
    assert (SOURCE / "py.typed").exists()
