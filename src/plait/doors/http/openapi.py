"""The OpenAPI 3.1 page, made from the same table as the routes."""

from collections.abc import Iterable
from typing import Any

from plait.doors.http.operation import Answer, Operation, Parameter
from plait.doors.http.problems import CONTENT_TYPE, TITLES
from plait.doors.http.schemas import STRING, record

# What any operation may answer: refused by who asks or how; not now; or not in time.
EVERY = (400, 403, 421, 500, 503)
ASKED = (401, 410, 422, 504)

PROBLEM = record(
    ("type", "title", "status", "code", "detail", "definite"),
    type=STRING, title=STRING, status={"type": "integer"}, code=STRING, detail=STRING,
    definite={"type": "boolean", "description": "whether certainly nothing happened"},
    advice=STRING, details={"type": "object"},
)  # fmt: skip


def described(operations: Iterable[Operation]) -> dict[str, Any]:
    """The page."""
    paths: dict[str, Any] = {}
    for operation in operations:
        place = paths.setdefault(operation.path, {})
        place[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Plait",
            "version": "1",
            "description": "A node of a Plait store. Sockets: /v1/live and /v1/replica.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    parameters = [_named(name) for name in names]
    parameters += [_parameter(one) for one in operation.parameters]
    told: dict[str, Any] = {
        "summary": operation.summary,
        "tags": [operation.tag],
        "operationId": operation.do.__module__.rpartition(".")[2] + "_" + operation.do.__name__,
        "responses": _responses(operation),
    }
    if parameters:
        told["parameters"] = parameters
    if operation.body is not None:
        content = {kind: {"schema": operation.body} for kind in operation.body_types}
        told["requestBody"] = {"content": content, "required": operation.body_required}
    return told


def _named(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _parameter(one: Parameter) -> dict[str, Any]:
    return {
        "name": one.name, "in": one.where, "required": one.required,
        "description": one.about, "schema": one.schema,
    }  # fmt: skip


def _responses(operation: Operation) -> dict[str, Any]:
    told = {str(status): _answer(answer) for status, answer in operation.answers.items()}
    statuses = {*EVERY, *operation.problems}
    if not operation.free:
        statuses |= set(ASKED)
    if operation.body is not None:
        statuses |= {413, 415, 507}
    if operation.method in ("PUT", "POST", "DELETE", "PATCH"):
        statuses.add(507)
    for status in sorted(statuses):
        reference = {"$ref": "#/components/schemas/Problem"}
        content = {CONTENT_TYPE: {"schema": reference}}
        told[str(status)] = {"description": TITLES[status], "content": content}
    return told


def _answer(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.about}
    if answer.schema is not None:
        told["content"] = {answer.content_type: {"schema": answer.schema}}
    if answer.headers:
        told["headers"] = {name: {"schema": STRING} for name in answer.headers}
    return told
