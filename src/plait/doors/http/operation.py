"""One thing that can be asked for over HTTP: what its path, parameters and answers are, and what
does it. The routes and the OpenAPI page are both made from this, so that the page is true.

Invariant: whatever is not declared here is refused before `do` is called: other methods, other
parameters, other kinds of bodies, values out of bounds.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote

from starlette.responses import Response

from plait.doors.http.call import Call
from plait.doors.http.problems import HttpProblem, bad_request

PARAMETERS_MAX = 64
QUERY_CHARACTERS_MAX = 64 << 10

Schema = dict[str, Any]


class Parameter(NamedTuple):
    """A parameter in the query, or in a header."""

    name: str
    about: str
    schema: Schema
    where: Literal["query", "header"] = "query"
    required: bool = False


class Answer(NamedTuple):
    """What an operation may answer: a body by its schema, or none."""

    about: str
    schema: Schema | None = None
    content_type: str = "application/json"
    headers: tuple[str, ...] = ()


class Operation(NamedTuple):
    """A method of a path."""

    method: str
    path: str  # /v1/tables/{table}
    do: Callable[[Call], Awaitable[Response]]
    summary: str
    answers: Mapping[int, Answer]
    tag: str
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    body_types: tuple[str, ...] = ("application/json",)
    body_required: bool = True
    problems: tuple[int, ...] = ()
    long: bool = False  # it streams: no time limit, not among the requests under way
    free: bool = False  # nobody is asked who they are


class Found(NamedTuple):
    """The operations of a path, and what stands in its braces."""

    operations: Mapping[str, Operation]
    path: Mapping[str, str]


class Table:
    """Operations by path: each segment is decoded for itself, so a key may hold a slash."""

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self.operations = operations
        self._root = _Node()
        for operation in operations:
            node = self._root
            for segment in operation.path.strip("/").split("/"):
                node = node.child(segment)
            node.operations[operation.method] = operation

    def find(self, raw_path: str) -> Found | None:
        """The operations of a path as it was sent, still percent-encoded."""
        found = self._root.find(raw_path.lstrip("/").split("/"), ())
        if found is None:
            return None
        node, values = found
        try:
            decoded = [unquote(value, errors="strict") for value in values]
        except UnicodeDecodeError:
            raise bad_request("the path is not UTF-8") from None
        return Found(node.operations, dict(zip(node.names, decoded, strict=True)))


class _Node:
    """A segment of paths."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self.operations: dict[str, Operation] = {}
        self.names = names
        self._fixed: dict[str, _Node] = {}
        self._any: _Node | None = None

    def child(self, segment: str) -> "_Node":
        """What is below, made if need be."""
        if segment.startswith("{"):
            if self._any is None:
                self._any = _Node((*self.names, segment[1:-1]))
            return self._any
        return self._fixed.setdefault(segment, _Node(self.names))

    def find(
        self, segments: list[str], values: tuple[str, ...]
    ) -> "tuple[_Node, tuple[str, ...]] | None":
        """The node of a path; fixed segments count before named ones."""
        if not segments:
            return (self, values) if self.operations else None
        first, rest = segments[0], segments[1:]
        if (fixed := self._fixed.get(first)) is not None:
            found = fixed.find(rest, values)
            if found is not None:
                return found
        if self._any is not None and first:
            return self._any.find(rest, (*values, first))
        return None


# ---------------------------------------------------------------------- parameters


def parse_query(operation: Operation, query: str) -> dict[str, Any]:
    """The declared parameters of a query. Raises `HttpProblem` 400 for anything else."""
    wanted = {one.name: one for one in operation.parameters if one.where == "query"}
    found: dict[str, Any] = {}
    if query:
        if len(query) > QUERY_CHARACTERS_MAX:
            raise HttpProblem(414, "QueryTooLong", "the query is too long")
        try:
            pairs = parse_qsl(
                query, keep_blank_values=True, strict_parsing=False, errors="strict",
                max_num_fields=PARAMETERS_MAX,
            )  # fmt: skip
        except ValueError as error:
            raise bad_request(f"the query cannot be read: {error}") from None
        for name, text in pairs:
            if name == "token":
                continue  # who asks: see `door`
            parameter = wanted.get(name)
            if parameter is None:
                known = ", ".join(wanted) or "none"
                raise bad_request(f"there is no parameter {name!r} here; there are: {known}")
            if name in found:
                raise bad_request(f"the parameter {name!r} is given twice")
            found[name] = parse_value(parameter, text)
    for name, parameter in wanted.items():
        if parameter.required and name not in found:
            raise bad_request(f"the parameter {name!r} is missing")
    return found


def parse_value(parameter: Parameter, text: str) -> Any:
    """One parameter, by its schema."""
    schema, name = parameter.schema, parameter.name
    kind = schema["type"]
    if kind == "boolean":
        if text not in ("true", "false"):
            raise bad_request(f"{name!r} is true or false, not {text!r}")
        return text == "true"
    if kind in ("integer", "number"):
        return _number(name, schema, kind, text)
    if "enum" in schema and text not in schema["enum"]:
        raise bad_request(f"{name!r} is one of {', '.join(schema['enum'])}, not {text!r}")
    if len(text) < schema.get("minLength", 0):
        raise bad_request(f"{name!r} is empty")
    if "\0" in text and schema.get("pattern"):
        raise bad_request(f"{name!r} has a NUL in it")
    return text


def _number(name: str, schema: Schema, kind: str, text: str) -> int | float:
    if len(text) > 32:
        raise bad_request(f"{name!r} is not a number of a sensible length")
    try:
        value = int(text) if kind == "integer" else float(text)
    except ValueError:
        raise bad_request(f"{name!r} is a number, not {text!r}") from None
    low, high = schema.get("minimum"), schema.get("maximum")
    if not (value == value and value not in (float("inf"), float("-inf"))):
        raise bad_request(f"{name!r} is a finite number")
    if (low is not None and value < low) or (high is not None and value > high):
        raise bad_request(f"{name!r} is between {low} and {high}, not {text}")
    return value
