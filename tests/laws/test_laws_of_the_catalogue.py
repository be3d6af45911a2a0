"""Every type that comes with the package keeps every law, nonsense from peers included.

LAWS_SEEDS=a:b in the environment runs other schedules than the usual ones (campaigns).
"""

import pytest

from plait.check.laws import check_type
from plait.cli.laws import TAGS, load_type
from tests.laws.test_laws_of_types import explained, seeds


@pytest.mark.parametrize("tag", TAGS)
def test_a_type_of_the_catalogue_keeps_every_law(tag):
    report = check_type(load_type(tag), seeds(120), hostile=True)
    assert not report.broken, explained(report)
