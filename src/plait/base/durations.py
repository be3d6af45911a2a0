"""Spans of time as people write them: ``90``, ``90s``, ``15m``, ``4h``, ``7d``."""

import re

from plait.base.errors import BadSettings

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration_s(text: str) -> float:
    """Seconds; `BadSettings` for a text that is no span."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip())
    if found is None:
        raise BadSettings(f"{text!r} is no duration such as 90s, 15m, 4h or 7d")
    return float(found[1]) * _UNITS_S[found[2]]
