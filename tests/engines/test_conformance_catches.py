"""The suite notices every loglet that is wrong in one subtle way."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from broken_appends import APPENDS
from broken_disks import ON_DISK, engine_on
from broken_origins import AT_AN_ORIGIN, ELSEWHERE
from broken_reads import READS
from broken_seals import SEALS
from fake_log_storage import FakeLogStorage

from plait.engines import conformance
from plait.engines.conformance import Engine, NotConforming
from plait.engines.memory import MemoryLoglet
from plait.engines.sqlite import SqliteLoglet
from plait.line.loglet import Origin

PATIENCE_S = 0.2
IN_MEMORY = SEALS | APPENDS | READS


@pytest.mark.parametrize(
    ("broken", "check"),
    IN_MEMORY.items(),
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
async def test_a_broken_loglet_is_caught(broken: Callable[[], MemoryLoglet], check: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Engine]:
        yield Engine(broken())

    await expect_caught(make, check)


@pytest.mark.parametrize(
    ("broken", "check"),
    AT_AN_ORIGIN.items(),
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
async def test_a_loglet_that_begins_wrongly_is_caught(
    broken: Callable[[Origin], MemoryLoglet], check: str
) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Engine]:
        yield Engine(broken(ELSEWHERE), origin=ELSEWHERE)

    await expect_caught(make, check)


@pytest.mark.parametrize(
    ("storage", "loglet", "check"),
    [(*key, check) for key, check in ON_DISK.items()],
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
async def test_a_broken_disk_is_caught(
    storage: type[FakeLogStorage], loglet: type[SqliteLoglet], check: str
) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Engine]:
        yield engine_on(storage, loglet)

    await expect_caught(make, check)


async def expect_caught(make: conformance.Make, check: str) -> None:
    with pytest.raises(NotConforming) as caught:
        await conformance.run(make, only=check, patience_s=PATIENCE_S)
    (failure,) = caught.value.report.failed
    assert failure.check == check
    assert isinstance(failure.error, AssertionError | TimeoutError), failure.problem


async def test_the_report_says_what_was_promised_and_what_came() -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Engine]:
        yield Engine(next(iter(IN_MEMORY))())

    with pytest.raises(NotConforming) as caught:
        await conformance.run(make, only="check_seal_stops", patience_s=PATIENCE_S)
    lines = str(caught.value).splitlines()
    assert lines[0] == "conformance: 0 passed, 0 skipped, 1 broken"
    assert lines[1] == "check_seal_stops_appends"
    assert lines[2].startswith("    promised: After seal every append raises `Sealed`")
    assert lines[3] == "    but: an append after the seal got position 2"


async def test_an_engine_that_cannot_be_made_is_reported_not_raised() -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Engine]:
        raise OSError("no server")
        yield

    with pytest.raises(NotConforming, match="OSError: no server"):
        await conformance.run(make, only="check_seal_is", patience_s=PATIENCE_S)


async def test_promises_about_reopening_are_skipped_without_it() -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Engine]:
        yield Engine(MemoryLoglet())

    report = await conformance.run(make, only="reopening")
    assert report.passed == []
    assert len(report.skipped) == 5


@pytest.mark.skipif(sys.flags.optimize > 0, reason="assertions are off")
def test_every_check_names_its_promise() -> None:
    for check in conformance.CHECKS:
        assert check.__doc__, check.__name__
        assert check.__name__.startswith("check_")
