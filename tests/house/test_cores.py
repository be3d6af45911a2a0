"""Cores decide, hosts do: nothing in a core reaches for the world or for chance."""

import ast
from collections.abc import Iterator

from tests.house.source import CORES, every, imports, modules, name_of, parsed

# All that a core may import beside the project. Anything else needs a reason here.
ALLOWED_IMPORTS = {
    "abc", "array", "bisect", "bz2", "collections", "contextlib", "copy", "dataclasses", "enum",
    "functools", "hashlib", "heapq", "inspect", "io", "itertools", "json", "lzma", "math",
    "msgspec", "operator", "re", "string", "struct", "types", "typing", "weakref", "zlib",
    "datetime", "random",  # of a given time, from a given seed: see the test below
}  # fmt: skip

# What would ask for the time or for chance instead of being given it.
UNSEEDED = {"now", "utcnow", "today", "SystemRandom"}

# Built-in calls that reach the world, or whose result differs from one process to the next.
BANNED_CALLS = {"open", "print", "input", "breakpoint", "eval", "exec", "__import__", "hash", "id"}

# Ports are declared, not used, here: async methods without a body.
PORT_FILES = {"src/plait/base/ports.py", "src/plait/line/loglet.py"}

# Consumers for which the order of a set cannot show.
ORDER_BLIND = {"all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"}

# The one file of a core that touches the world: files and the clock, handed to the judges.
EDGE_FILES = {"src/plait/check/world.py"}

cores = [path for path in modules(*CORES) if name_of(path) not in EDGE_FILES]
files = every(cores)


@files
def test_a_core_imports_only_what_is_pure(path):
    foreign = [
        f"{name_of(path)}:{line} imports {module}"
        for module, line in imports(parsed(path))
        if module.split(".")[0] not in ALLOWED_IMPORTS | {"plait"}
    ]
    assert not foreign


@files
def test_a_core_calls_nothing_that_reaches_out(path):
    calls = [
        f"{name_of(path)}:{node.lineno} calls {node.func.id}()"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in BANNED_CALLS
    ]
    assert not calls


@files
def test_a_core_is_given_the_time_and_every_seed(path):
    assert not [f"{name_of(path)}:{line}" for line in unseeded(parsed(path))]


def test_asking_for_the_time_or_for_chance_is_found_however_it_is_written():
    source = """
import random
from random import choice, Random
a = Random()
b = Random(7)
c = datetime.now(UTC)
d = datetime.fromtimestamp(7, UTC)
e = SystemRandom()
"""
    assert list(unseeded(ast.parse(source))) == [2, 3, 4, 6, 8]


def unseeded(tree: ast.Module) -> Iterator[int]:
    """Lines that take time or chance from the process."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = any(alias.name == "random" for alias in names)
            case ast.ImportFrom(module="random", names=names):
                found = any(alias.name != "Random" for alias in names)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments):
                found = name in UNSEEDED or (name == "Random" and not arguments)
            case _:
                found = False
        if found:
            yield node.lineno


@files
def test_a_core_never_awaits(path):
    asynchronous = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    found = [node for node in ast.walk(parsed(path)) if isinstance(node, asynchronous)]
    if name_of(path) in PORT_FILES:
        found = [node for node in found if not _is_declaration(node)]
    assert not [f"{name_of(path)}:{node.lineno}" for node in found]


@files
def test_no_order_of_a_set_escapes_a_core(path):
    assert not [f"{name_of(path)}:{line}" for line in set_iterations(parsed(path))]


def test_iterating_a_set_is_found_however_it_is_written():
    source = """
class Core:
    def __init__(self) -> None:
        self.members: set[str] = set()

    def step(self, waiting: frozenset[str]) -> None:
        for member in self.members: ...
        a = [w for w in waiting]
        b = list({1, 2})
        c = sorted(self.members)
        d = any(w for w in waiting)
        for member in sorted(self.members): ...
        for x in self.members - {1}: ...
"""
    assert sorted(set_iterations(ast.parse(source))) == [7, 8, 9, 13]


def _is_declaration(node: ast.AST) -> bool:
    if not isinstance(node, ast.AsyncFunctionDef):
        return False
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return all(
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and statement.value.value is Ellipsis
        for statement in body
    )


def set_iterations(tree: ast.Module) -> Iterator[int]:
    """Lines where a set's order can reach a result."""
    attributes = _set_names(tree, ast.Attribute)
    harmless = _order_blind_generators(tree)
    for scope in _scopes(tree):
        names = _set_names(scope, ast.Name)

        def is_set(node: ast.expr, names: set[str] = names) -> bool:
            return _is_set(node, names, attributes)

        for node in _own_nodes(scope):
            if isinstance(node, ast.For) and is_set(node.iter):
                yield node.lineno
            elif isinstance(node, ast.comprehension) and node not in harmless and is_set(node.iter):
                yield node.iter.lineno
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("list", "tuple", "iter", "enumerate", "dict", "bytes")
                and node.args
                and is_set(node.args[0])
            ):
                yield node.lineno


def _is_set(node: ast.expr, names: set[str], attributes: set[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(attr=name):
            return name in attributes
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr() | ast.Sub() | ast.BitXor()):
            return any(_is_set(side, names, attributes) for side in (node.left, node.right))
    return False


def _set_names(tree: ast.AST, kind: type[ast.Name] | type[ast.Attribute]) -> set[str]:
    """Names (or attributes) that are annotated as sets, or were assigned a new one."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(target=target, annotation=annotation) if _says_set(annotation):
                targets: list[ast.expr] = [target]
            case ast.Assign(targets=targets, value=value) if _is_set(value, set(), set()):
                pass
            case ast.arg(arg=name, annotation=ast.expr() as annotation) if _says_set(annotation):
                targets = [ast.Name(name)]
            case _:
                continue
        for target in targets:
            if isinstance(target, kind):
                found.add(target.id if isinstance(target, ast.Name) else target.attr)
    return found


def _says_set(annotation: ast.expr) -> bool:
    head = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return isinstance(head, ast.Name) and head.id in ("set", "frozenset", "AbstractSet")


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Everything in a scope, without the functions inside it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _own_nodes(child)


def _order_blind_generators(tree: ast.Module) -> set[ast.AST]:
    """Generators whose only consumer cannot see the order, and those that build a set."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.SetComp):
            found.update(node.generators)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ORDER_BLIND
        ):
            for argument in node.args:
                if isinstance(argument, ast.GeneratorExp | ast.ListComp):
                    found.update(argument.generators)
    return found
