"""The calendar's pure modules: their own tests in Node, and their rules beside python-dateutil."""

import datetime as clock
import json
import os
import random
import shutil
import subprocess
import types
from datetime import date, datetime, timedelta
from pathlib import Path

import dateutil.rrule
import pytest
from dateutil.rrule import rrulestr
from playwright._impl._driver import compute_driver_executable

HERE = Path(__file__).parent
NODE = shutil.which("node") or compute_driver_executable()[0]
RULES = int(os.environ.get("CALENDAR_RULES", "2000"))
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("calendar_*.test.mjs")))
def test_node_finds_nothing_wrong(name):
    done = subprocess.run(
        [NODE, "--test", str(HERE / name)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_rules_make_the_days_that_dateutil_makes(monkeypatch):
    # it looks for the next occurrence of a rule that never fits up to the year 9999
    soon = types.SimpleNamespace(**{**vars(clock), "MAXYEAR": 2042})
    monkeypatch.setattr(dateutil.rrule, "datetime", soon)
    chance = random.Random(20261122)
    asked = [drawn(chance) for _ in range(RULES)]
    done = subprocess.run(
        [NODE, str(HERE / "calendar_rules_stdin.mjs")],
        input=json.dumps(asked), capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    made = json.loads(done.stdout)
    for case, found in zip(asked, made, strict=True):
        assert found == by_dateutil(**case), case


def drawn(chance):
    """A random rule, first day and window."""
    first = date(2019, 1, 1) + timedelta(days=chance.randrange(3000))
    unit = chance.choice(("DAILY", "WEEKLY", "MONTHLY", "YEARLY"))
    parts = [f"FREQ={unit}"]
    if chance.random() < 0.5:
        parts.append(f"INTERVAL={chance.randint(1, 6)}")
    parts += by_parts(chance, unit)
    if chance.random() < 0.3:
        parts.append(f"COUNT={chance.randint(1, 40)}")
    elif chance.random() < 0.3:
        until = first + timedelta(days=chance.randrange(2000))
        parts.append(f"UNTIL={until:%Y%m%d}")
    if chance.random() < 0.3:
        parts.append(f"WKST={chance.choice(DAYS)}")
    start = first + timedelta(days=chance.randint(-100, 1500))
    stop = start + timedelta(days=chance.choice((1, 7, 42, 400, 2000)))
    rule = ";".join(parts)
    return {"rule": rule, "first": str(first), "from": str(start), "to": str(stop)}


def by_parts(chance, unit):
    parts = []
    if chance.random() < 0.3:
        parts.append("BYMONTH=" + numbers(chance, 1, 12))
    if unit != "WEEKLY" and chance.random() < 0.3:
        sign = chance.choice((1, -1))
        parts.append("BYMONTHDAY=" + numbers(chance, *sorted((sign, sign * 31))))
    if chance.random() < 0.5:
        days = chance.sample(DAYS, chance.randint(1, 3))
        if unit in ("MONTHLY", "YEARLY") and chance.random() < 0.5:
            # weekdays with and without a number are not mixed: dateutil then takes what is both
            days = [f"{chance.choice((1, 2, 3, 4, 5, -1, -2))}{day}" for day in days]
        parts.append("BYDAY=" + ",".join(days))
    # not weekly: dateutil counts positions in the first week from the first day on
    if parts and unit != "WEEKLY" and chance.random() < 0.2:
        parts.append("BYSETPOS=" + numbers(chance, *chance.choice(((1, 4), (-3, -1)))))
    return parts


def numbers(chance, low, high):
    found = {chance.randint(low, high) for _ in range(chance.randint(1, 3))}
    return ",".join(map(str, sorted(found)))


def by_dateutil(rule, first, **window):
    """What it makes, with the first day as the first occurrence, as RFC 5545 has it."""
    start = datetime.fromisoformat(first)
    begin, end = (datetime.fromisoformat(window[name]) for name in ("from", "to"))
    plain = ";".join(part for part in rule.split(";") if not part.startswith("COUNT="))
    count = next((int(part[6:]) for part in rule.split(";") if part.startswith("COUNT=")), None)
    days = [start]
    for made in rrulestr("RRULE:" + plain, dtstart=start):
        if made >= end or (count is not None and len(days) >= count):
            break
        if made > start:
            days.append(made)
    return [f"{day:%Y-%m-%d}" for day in days if begin <= day < end]
