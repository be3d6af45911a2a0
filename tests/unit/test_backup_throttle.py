"""How fast a backup goes: a rate that is kept, and rests that leave others their writes."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.base.errors import BadSettings
from plait.host.memory_vault import MemoryVault
from plait.node.backup.throttle import BURST_BYTES_MIN, LOSS, Courtesy, Rate, Rule, Throttle
from plait.node.backup.vault import SIDE_BY_SIDE, Pieces

MB = 1_000_000


class Machine:
    """A clock that moves as work and sleep make it, and a load that suffers from the work."""

    def __init__(self, per_s: float = 0.0, lost: float = 0.0) -> None:
        self.now = 0.0
        self.per_s, self.lost = per_s, lost  # records a second; the share that work costs
        self.taken = 0.0
        self.unharmed = 0.0  # what would have been taken

    def monotonic(self) -> float:
        return self.now

    def wall_ms(self) -> int:
        return 0

    def _passes(self, seconds: float, per_s: float) -> None:
        self.now += seconds
        self.taken += seconds * per_s
        self.unharmed += seconds * self.per_s

    async def sleep(self, seconds: float) -> None:
        self._passes(seconds, self.per_s)

    def work(self, seconds: float) -> None:
        self._passes(seconds, self.per_s * (1 - self.lost))

    def throttle(self, rule: Rule) -> Throttle:
        return Throttle(rule, self, lambda: int(self.taken), self.sleep)


async def back_up(
    machine: Machine, rule: Rule, bursts: int, seconds: float = 0.1, size: int = 16 * MB
) -> Throttle:
    throttle = machine.throttle(rule)
    for _ in range(bursts):
        async with throttle.burst() as burst:
            machine.work(seconds)
            burst.size += size
    return throttle


# ------------------------------------------------------------------------------- a rate


@pytest.mark.parametrize("rate", [1 * MB, 50 * MB, 159 * MB])
async def test_a_rate_is_kept_whatever_the_disk_can(rate: float) -> None:
    machine = Machine()
    await back_up(machine, Rate(rate), 20)
    assert 20 * 16 * MB / machine.now == pytest.approx(rate)


async def test_a_rate_above_what_the_disk_can_rests_never() -> None:
    machine = Machine(per_s=1000, lost=1.0)
    throttle = await back_up(machine, Rate(1000 * MB), 20)
    assert throttle.rested_s == 0
    assert machine.now == pytest.approx(20 * 0.1)


async def test_time_that_was_lost_is_not_made_good_by_haste() -> None:
    machine, rule = Machine(), Rate(16 * MB)
    await back_up(machine, rule, 1, seconds=100.0)
    began = machine.now
    await back_up(machine, rule, 5)
    assert machine.now - began == pytest.approx(5.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(BadSettings, match="rate"):
        Rate(rate)


# ------------------------------------------------------------------------------- courtesy


async def test_a_backup_beside_nobody_rests_only_to_look() -> None:
    machine = Machine()
    throttle = await back_up(machine, Courtesy(), 20)
    assert 0 < throttle.rested_s < 0.15 * machine.now


@pytest.mark.parametrize("lost", [0.3, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("per_s", [100.0, 5000.0])
async def test_writes_lose_no_more_than_they_may(per_s: float, lost: float) -> None:
    machine = Machine(per_s, lost)
    await back_up(machine, Courtesy(), 100)
    assert 1 - machine.taken / machine.unharmed < LOSS * 1.15
    assert machine.now < 100 * 0.1 / LOSS * 1.15  # and the backup is not starved


async def test_where_a_backup_costs_nobody_anything_it_rests_only_to_look() -> None:
    machine = Machine(per_s=1000, lost=0.0)
    throttle = await back_up(machine, Courtesy(), 100)
    assert 0 < throttle.rested_s < 0.15 * machine.now


async def test_a_load_that_ends_is_not_waited_for_for_long() -> None:
    machine, rule = Machine(per_s=5000, lost=0.9), Courtesy()
    await back_up(machine, rule, 20)
    machine.per_s, began = 0.0, machine.now
    await back_up(machine, rule, 60)
    assert machine.now - began < 60 * 0.1 * 1.3


async def test_a_load_that_begins_is_seen() -> None:
    machine, rule = Machine(lost=1.0), Courtesy()
    await back_up(machine, rule, 20)
    machine.per_s = 1000.0
    await back_up(machine, rule, 60)
    assert 1 - machine.taken / machine.unharmed < LOSS * 1.5


async def test_bursts_that_are_too_small_to_tell_are_counted_together() -> None:
    machine = Machine(per_s=1000, lost=0.5)
    throttle = await back_up(machine, Courtesy(), 9, size=BURST_BYTES_MIN // 10)
    assert throttle.rested_s == 0
    assert (await back_up(machine, Courtesy(), 10, size=BURST_BYTES_MIN // 10 + 1)).rested_s > 0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1 << 30), st.floats(0, 100), st.integers(0, 1 << 40),
            st.floats(0, 100), st.integers(0, 1 << 40),
        )
    )
)  # fmt: skip
def test_whatever_happens_a_rest_is_a_time_that_ends(bursts: list[tuple[int, ...]]) -> None:
    rules: list[Callable[[], Rule]] = [Courtesy, lambda: Rate(1e6)]
    for make in rules:
        rule = make()
        for size, seconds, records, rested, meanwhile in bursts:
            assert 0 <= rule.worked(size, seconds, records) < 1e6
            rule.rested(rested, meanwhile)


# ------------------------------------------------------------------------------- pieces


class Slow(MemoryVault):
    """Takes time to write."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine

    async def write(self, name: str, data: bytes) -> None:
        self.machine.work(len(data) / (100 * MB))
        await super().write(name, data)


async def test_pieces_are_written_at_the_rate_and_in_their_order() -> None:
    machine = Machine()
    pieces = Pieces(Slow(machine), machine.throttle(Rate(10 * MB)))
    chunks = [bytes([number]) * MB for number in range(3 * SIDE_BY_SIDE)]

    async def coming():
        for chunk in chunks:
            yield chunk

    found = await pieces.put_many(coming())
    assert [await pieces.get(piece) for piece in found] == chunks
    # 12 MB at 10 MB a second, of which the last burst may be too small to rest from
    assert machine.now == pytest.approx(1.2, abs=0.01)


async def test_a_piece_that_cannot_be_written_ends_those_beside_it() -> None:
    class Full(MemoryVault):
        writing = 0

        async def write(self, name: str, data: bytes) -> None:
            self.writing += 1
            try:
                if data == b"2":
                    raise OSError("full")
                await super().write(name, data)
            finally:
                self.writing -= 1

    async def coming():
        for number in range(10):
            yield b"%d" % number

    vault = Full()
    with pytest.raises(OSError, match="full"):
        await Pieces(vault).put_many(coming())
    assert vault.writing == 0
    assert len(vault.files) < SIDE_BY_SIDE
