"""Session tokens: what a session has seen, as text that is safe in URLs, cookies and headers.

A token is URL-safe base64 of MessagePack (version, {line: (epoch, position)}); marks of earlier
epochs that are in doubt stand under the line's name and a zero byte, a number. It says how much
must be covered, nothing secret, and is not signed: who changes one can make their own reads
wait or fail, and no more.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from plait.api.port import Mark
from plait.base.codec import encode
from plait.base.errors import BadValue
from plait.line.entry import Epoch

TOKEN_CHARACTERS_MAX = 1 << 20
VERSION = 1
_DOUBTED = "\0"  # between the name of a line and a number

Marks: TypeAlias = dict[str, Mark]

_decoder = msgspec.msgpack.Decoder(tuple[Literal[1], dict[str, tuple[Epoch, int]]])


def encode_token(marks: Marks, doubted: Mapping[str, Sequence[Mark]] | None = None) -> str:
    """The token that says `marks`, and those in doubt."""
    said = dict(marks)
    for line, earlier in (doubted or {}).items():
        said |= {f"{line}{_DOUBTED}{number}": mark for number, mark in enumerate(earlier)}
    return base64.urlsafe_b64encode(encode((VERSION, said))).decode().rstrip("=")


def decode_token(token: str) -> tuple[Marks, dict[str, list[Mark]]]:
    """The marks in a token, and those in doubt; `BadValue` if it is none."""
    if not isinstance(token, str) or len(token) > TOKEN_CHARACTERS_MAX:
        raise BadValue(f"a session token is a str of at most {TOKEN_CHARACTERS_MAX} characters")
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        _, marks = _decoder.decode(data)
    except (ValueError, msgspec.DecodeError) as error:
        raise BadValue(f"not a session token: {error}") from None
    if any(position < 0 or epoch.number < 0 for epoch, position in marks.values()):
        raise BadValue("not a session token: it counts below zero")
    doubted: dict[str, list[Mark]] = {}
    for name in [name for name in marks if _DOUBTED in name]:
        doubted.setdefault(name.partition(_DOUBTED)[0], []).append(marks.pop(name))
    return marks, doubted
