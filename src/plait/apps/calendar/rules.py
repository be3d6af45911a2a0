"""Recurrence rules as files have them, and as events keep them: the same parts as `web/rule.js`.

A rule's UNTIL is a date here, the last on which the event may begin; iCalendar wants an instant in
UTC where the event has a zone.

Invariant: what `kept_rule` gives, the pages read. Absent: expanding a rule.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

TEXT_MAX = 1_000
_NUMBERS = {"BYMONTHDAY": (31, True), "BYMONTH": (12, False), "BYSETPOS": (366, True)}
_DAY = re.compile(r"([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")


class NoRule(ValueError):
    """A rule that events here cannot have; says why."""


def kept_rule(text: str, start: date | datetime) -> str:
    """A file's rule as an event keeps it. Raises `NoRule`.

    start: the event's, with its zone if it has one.
    """
    if len(text) > TEXT_MAX:
        raise NoRule("the rule is too long")
    parts = dict(_pair(part) for part in text.upper().split(";") if part)
    unit = parts.pop("FREQ", "")
    if unit not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
        raise NoRule(f"it repeats by FREQ={unit}; daily is the most")
    if "COUNT" in parts and "UNTIL" in parts:
        raise NoRule("COUNT and UNTIL exclude each other")
    kept = [f"FREQ={unit}"]
    for name, value in parts.items():
        kept.append(f"{name}={_part(unit, name, value, start)}")
    return ";".join(kept)


def _pair(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not (equals and value):
        raise NoRule(f"{part[:40]!r} is no part of a rule")
    return name, value


def _part(unit: str, name: str, value: str, start: date | datetime) -> str:
    if name in ("INTERVAL", "COUNT"):
        return str(_number(value, 1, 10_000))
    if name == "UNTIL":
        return f"{_until_date(value, start):%Y%m%d}"
    if name == "WKST" and value in ("MO", "TU", "WE", "TH", "FR", "SA", "SU"):
        return value
    if name == "BYDAY":
        found = [_DAY.fullmatch(one) for one in value.split(",")]
        if all(found) and (unit in ("MONTHLY", "YEARLY") or not any(m and m[1] for m in found)):
            return value
    elif name in _NUMBERS and not (name == "BYMONTHDAY" and unit == "WEEKLY"):
        high, negative = _NUMBERS[name]
        for one in value.split(","):
            if _number(one, -high if negative else 1, high) == 0:
                raise NoRule(f"{name} has no 0")
        return value
    raise NoRule(f"it repeats by {name}={value[:40]}, which this calendar does not have")


def _number(text: str, low: int, high: int) -> int:
    value = int(text) if re.fullmatch(r"[+-]?\d{1,6}", text, re.ASCII) else low - 1
    if not low <= value <= high:
        raise NoRule(f"{text[:20]!r} is not from {low} to {high}")
    return value


def _until_date(text: str, start: date | datetime) -> date:
    found = _UNTIL.fullmatch(text)
    if not found:
        raise NoRule(f"UNTIL={text[:30]} is no time")
    try:
        day = datetime.strptime(found[1], "%Y%m%d").date()
        if not found[2] or not isinstance(start, datetime):
            return day
        end = datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S")
        if found[3] and start.tzinfo is not None:
            end = end.replace(tzinfo=UTC).astimezone(start.tzinfo).replace(tzinfo=None)
        # the last on which it can begin, by its own time of the day
        return end.date() if end.time() >= start.time() else end.date() - timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise NoRule(f"UNTIL={text[:30]} is no time") from error


def told_rule(text: str, start: date | datetime) -> str:
    """An event's rule as a file has it."""
    parts = []
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if name == "UNTIL" and isinstance(start, datetime):
            value = _until_time(value, start.time(), start.tzinfo)
        parts.append(f"{name}={value}")
    return ";".join(parts)


def _until_time(text: str, at: time, zone: tzinfo | None) -> str:
    end = datetime.combine(datetime.strptime(text[:8], "%Y%m%d").date(), at)
    if zone is None:
        return f"{end:%Y%m%dT%H%M%S}"
    return f"{end.replace(tzinfo=zone).astimezone(UTC):%Y%m%dT%H%M%SZ}"
