"""The law suite on right types, and on wrong ones that it must see through.

LAWS_SEEDS=a:b in the environment runs other schedules than the usual ones (campaigns).
"""

import os

import pytest

from plait.check.laws import SCHEDULES, check_type
from tests.laws.right_types import RIGHT
from tests.laws.wrong_types import WRONG


def seeds(count):
    """The schedules to try: `count` from 0, or what the environment asks for."""
    first, colon, last = os.environ.get("LAWS_SEEDS", "").partition(":")
    return range(int(first), int(last)) if colon else range(count)


def name(subject):
    return type(subject).__name__


def explained(report):
    return report.broken and "\n" + report.broken.explain("this test")


@pytest.mark.parametrize("subject", RIGHT, ids=name)
def test_a_right_type_of_a_user_keeps_every_law(subject):
    report = check_type(subject, seeds(200))
    assert not report.broken, explained(report)
    assert report.counts["three roads, one state"] > report.schedules


@pytest.mark.parametrize("subject", WRONG, ids=name)
def test_a_subtly_wrong_type_is_caught(subject, record_property):
    report = check_type(subject, range(SCHEDULES))
    assert report.broken, f"{name(subject)} was not caught: {type(subject).__doc__}"
    record_property("schedules", report.schedules)
    assert report.broken.size <= (16, 3), explained(report)


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        ("NegativeReset", "the value is what the specification says"),
        ("WallClockRegister", "equal states read the same"),
        ("UnseenRemove", "three roads, one state"),
        ("EmptySlotsLeftOut", "three roads, one state"),
        ("MutatingJoin", "arguments are left alone"),
        ("KeptArgument", "arguments are left alone"),
        ("ForgetfulEncoding", "decode(encode(state)) is the state"),
        ("ChangingPrepare", "reading and preparing change nothing"),
        ("LeakyValue", "a value is a fresh object"),
        ("PoorRollback", "a rolled back draft leaves no trace"),
        ("PartialClear", "a clear that has seen everything leaves nothing"),
        ("RaisingApply", "garbage has no effect, and the same one everywhere"),
    ],
)
def test_the_law_that_is_named_is_the_one_that_was_broken(kind, law):
    subject = next(subject for subject in WRONG if name(subject) == kind)
    report = check_type(subject, range(SCHEDULES))
    assert report.broken
    assert report.broken.law == law
