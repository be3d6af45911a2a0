"""Texts and lists of the browser replica keep every law together with Python's, byte for byte.

SEQUENCE_SEEDS=a:b runs other schedules than the usual ones (campaigns).
"""

import os

import pytest

from plait.check.laws import check_type
from plait.types.lists.type import LIST
from plait.types.text.type import TEXT
from tests.web.twins import Browser, Twin

FIRST, LAST = (int(n) for n in os.environ.get("SEQUENCE_SEEDS", "0:30").split(":"))
LETTERS = ("é", "😀", "\u0301", "\n", "👩‍👩‍👧", "𝔘\U0010ffff")


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


def beyond_ascii(random, mutation):
    """Some of what is written lies beyond ASCII, and beyond the basic plane."""
    if mutation[0] == "insert" and random.random() < 0.4:
        return (*mutation[:2], mutation[2] + random.choice(LETTERS))
    return mutation


@pytest.mark.parametrize("hostile", [False, True])
def test_a_text_in_a_browser_and_one_in_python_are_one(browser, hostile):
    report = check_type(
        Twin(browser, TEXT, beyond_ascii), range(FIRST, LAST), steps=None, hostile=hostile
    )
    assert not report.broken, "\n" + report.broken.explain(f"SEQUENCE_SEEDS={report.broken.seed}:")
    assert report.schedules == LAST - FIRST


@pytest.mark.parametrize("hostile", [False, True])
def test_a_list_in_a_browser_and_one_in_python_are_one(browser, hostile):
    report = check_type(Twin(browser, LIST), range(FIRST, LAST), hostile=hostile)
    assert not report.broken, "\n" + report.broken.explain(f"SEQUENCE_SEEDS={report.broken.seed}:")
    assert report.schedules == LAST - FIRST
