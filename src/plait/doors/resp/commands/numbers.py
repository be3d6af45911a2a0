"""Numbers and options as Redis reads them from arguments."""

import math
import re
from decimal import Decimal
from typing import Final

from plait.doors.resp.replies import Complaint

INT_MIN: Final = -(1 << 63)
INT_MAX: Final = (1 << 63) - 1

NOT_AN_INT: Final = "ERR value is not an integer or out of range"
NOT_A_FLOAT: Final = "ERR value is not a valid float"
SYNTAX: Final = "ERR syntax error"
NO_SUCH_KEY: Final = "ERR no such key"
OUT_OF_RANGE: Final = "ERR index out of range"

_INT: Final = re.compile(rb"-?[1-9][0-9]{0,18}|0")
_FLOAT: Final = re.compile(
    rb"[+-]?(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|inf|infinity)",
    re.IGNORECASE,
)


def integer(text: bytes, complaint: str = NOT_AN_INT) -> int:
    """A signed integer of 64 bits, without a plus or zeros before it."""
    if _INT.fullmatch(text):
        value = int(text)
        if INT_MIN <= value <= INT_MAX:
            return value
    raise Complaint(complaint)


def is_integer(text: bytes) -> bool:
    """Whether a string counts as an integer."""
    return bool(_INT.fullmatch(text)) and INT_MIN <= int(text) <= INT_MAX


def double(text: bytes, complaint: str = NOT_A_FLOAT) -> float:
    """A floating-point number, not nan."""
    if not _FLOAT.fullmatch(text):
        raise Complaint(complaint)
    return float(text)


def plain_float(value: float) -> bytes:
    """A float that is stored as a string: without an exponent, and no zeros at the end."""
    text = format(Decimal(repr(value)), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return (text if text != "-0" else "0").encode()


def finite(value: float) -> float:
    """A sum that may be stored."""
    if math.isnan(value) or math.isinf(value):
        raise Complaint("ERR increment would produce NaN or Infinity")
    return value


def span(start: int, stop: int, size: int) -> tuple[int, int]:
    """``start <= index < stop`` for a range with both ends in it, counted from the end if they are
    negative."""
    if start < 0:
        start = max(start + size, 0)
    if stop < 0:
        stop += size
    return start, min(stop + 1, size)


def count_of_keys(text: bytes, left: int) -> int:
    """How many keys follow, where a command says so."""
    count = integer(text, "ERR numkeys should be greater than 0")
    if count <= 0:
        raise Complaint("ERR numkeys should be greater than 0")
    if count > left:
        raise Complaint(SYNTAX)
    return count
