"""What goes wrong, as RFC 9457 says it: ``application/problem+json``.

Every `PlaitError` has a status, by its class or the nearest class above it. What is wrong with a
request as such, before any store was asked, is an `HttpProblem`.

Invariant: `definite` says whether certainly nothing happened, as the error itself does.
"""

from typing import Any

import msgspec
from starlette.responses import Response

from plait.base import errors as e

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = "1"

# The status of an error is that of its class, or of the nearest one above it that stands here.
STATUS: dict[type[e.PlaitError], int] = {
    e.PlaitError: 500,
    e.UsageError: 400,
    e.BadSettings: 422,
    e.RuleUnmet: 422,
    e.NoSuchCollection: 404,
    e.WrongThread: 500,
    e.Closed: 503,
    e.Refused: 503,
    e.Conflict: 409,
    e.SessionLost: 410,
    e.Fenced: 409,
    e.HistoryTrimmed: 410,
    e.LossNotAccepted: 409,
    e.PromotionRefused: 409,
    e.DiskNearlyFull: 507,
    e.NotSignedIn: 401,
    e.NotAllowed: 403,
    e.RightsElsewhere: 409,
    e.CommandFailed: 422,
    e.Indefinite: 504,
    e.StorageError: 500,
    e.DiskFull: 507,
    e.ProtocolError: 502,
    e.WrongLineage: 409,
}

TITLES = {
    400: "The request makes no sense",
    401: "Who is this?",
    403: "Not allowed",
    404: "There is no such thing",
    405: "There is no such method here",
    406: "No such representation",
    408: "The request took too long to come",
    409: "It is different by now",
    410: "It is no longer kept",
    412: "It is different by now",
    413: "Too large",
    415: "Not a kind of content that is understood here",
    421: "Not a name of this server",
    422: "It cannot be so",
    428: "Say what it is to replace",
    500: "A mistake of the server",
    502: "The cluster did not understand itself",
    503: "Not now",
    504: "It may or may not have happened",
    507: "The disk is full",
}


class HttpProblem(Exception):
    """Something is wrong with a request; nothing happened."""

    def __init__(
        self, status: int, code: str, detail: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}


def bad_request(detail: str) -> HttpProblem:
    """A request that makes no sense."""
    return HttpProblem(400, "BadRequest", detail)


def not_found(detail: str) -> HttpProblem:
    """Something that is not there."""
    return HttpProblem(404, "NotFound", detail)


def status_of(error: e.PlaitError) -> int:
    """The HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def described(problem: HttpProblem | e.PlaitError) -> dict[str, Any]:
    """The members of a problem."""
    if isinstance(problem, HttpProblem):
        told: dict[str, Any] = {"code": problem.code, "detail": problem.detail, "definite": True}
        status = problem.status
        more: dict[str, Any] = {}
    else:
        status = status_of(problem)
        told = {"code": problem.code, "detail": problem.message, "definite": problem.definite}
        more = {"advice": problem.advice} if problem.advice else {}
        if problem.details:
            more["details"] = problem.details
    kind = {"type": f"urn:plait:problem:{told['code']}", "title": TITLES.get(status, "Problem")}
    return {**kind, "status": status, **told, **more}


def response_of(problem: HttpProblem | e.PlaitError, status: int | None = None) -> Response:
    """The answer that tells of a problem. status: another one than that of its class."""
    members = described(problem)
    if status is not None:
        members |= {"status": status, "title": TITLES[status]}
    headers = dict(problem.headers) if isinstance(problem, HttpProblem) else {}
    if members["status"] == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="plait"'
    elif members["status"] == 503:
        headers["Retry-After"] = RETRY_AFTER_S
    return Response(
        _encode(members), members["status"], headers={**headers, "Cache-Control": "no-store"},
        media_type=CONTENT_TYPE,
    )  # fmt: skip


def _encode(members: dict[str, Any]) -> bytes:
    return msgspec.json.encode(members, enc_hook=repr)
