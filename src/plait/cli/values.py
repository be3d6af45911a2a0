"""Values as people type and read them: JSON, or plain text where it is no JSON.

``1`` is a number, ``true`` a boolean, ``{"a": 1}`` an object, ``hello`` and ``00123`` are strings,
and so is ``"1"`` with its quotes. What is printed is always JSON, so that a number and a string
of digits look different. MessagePack can hold what JSON cannot: bytes are printed as base64, times
as RFC 3339, NaN and infinities as null, extension types as their Python text.
"""

import sys
from typing import Any

import click
import msgspec


def _text(value: Any) -> str:
    if isinstance(value, msgspec.msgpack.Ext):
        return f"Ext({value.code}, {value.data!r})"
    return repr(value)


_encoder = msgspec.json.Encoder(enc_hook=_text)


def parse_value(text: str, plain: bool = False) -> Any:
    """The value that `text` means; with `plain`, the text itself."""
    if plain:
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return text


def show_value(value: Any) -> str:
    """JSON on one line."""
    try:
        return _encoder.encode(value).decode()
    except (TypeError, ValueError):  # keys that JSON has no text for
        return _encoder.encode(repr(value)).decode()


def print_json(value: Any) -> None:
    """JSON for programs: indented on a terminal, one line elsewhere."""
    text = show_value(value)
    if sys.stdout.isatty():
        text = msgspec.json.format(text, indent=2)
    click.echo(text)
