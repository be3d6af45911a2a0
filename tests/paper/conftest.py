"""The paper tests share the simulated cluster of the unit tests, and people with replicas."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.paper.people import People
from tests.paper.things import Pair, Thing

sys.path.append(str(Path(__file__).resolve().parents[1] / "unit"))


@pytest.fixture(params=["ops", "delta", "state"])
async def people(request: pytest.FixtureRequest) -> AsyncIterator[People]:
    """People whose replicas meet by one of the three roads."""
    people = People(Thing, request.param)
    yield people
    await people.leave()


@pytest.fixture
async def pair(people: People) -> Pair:
    """One thing, as two people hold it."""
    ann, bob = await people.come("ann", "bob")
    return ann["k"], bob["k"]
